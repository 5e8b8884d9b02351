from power.disk import ROOT, Chance, Data, Entry, Fate, Inode, Loss, Recording, Size, Sync, state_after

FILE, FOLDER, OTHER = 1, 2, 3


def recording(*events: Data | Size | Entry | Sync, content: bytes = b"") -> Recording:
    before = {
        ROOT: Inode(entries={"file": FILE, "folder": FOLDER}),
        FILE: Inode(content=bytearray(content)),
        FOLDER: Inode(entries={}),
    }
    return Recording(before, {OTHER: Inode(content=bytearray())}, list(events))


def content_of(made: Recording, fate: Fate, inode: int = FILE) -> bytes:
    content = state_after(made, len(made.events), fate)[inode].content
    assert content is not None
    return bytes(content)


def entries_of(made: Recording, fate: Fate, folder: int = ROOT) -> dict[str, int]:
    entries = state_after(made, len(made.events), fate)[folder].entries
    assert entries is not None
    return entries


def test_what_was_synced_is_there_and_what_came_after_is_lost() -> None:
    made = recording(Data(FILE, 0, b"safe"), Sync(FILE), Data(FILE, 4, b"lost"))
    assert content_of(made, Loss()) == b"safe"
    assert content_of(made, Fate()) == b"safelost"


def test_only_what_came_before_the_cut_happened() -> None:
    made = recording(Data(FILE, 0, b"ab"), Sync(FILE), Data(FILE, 2, b"cd"))
    assert [bytes(state_after(made, cut, Fate())[FILE].content or b"") for cut in range(4)] == [
        b"",
        b"ab",
        b"ab",
        b"abcd",
    ]
    assert not state_after(made, 1, Loss())[FILE].content, "the sync itself was cut off"


def test_by_chance_a_later_write_survives_an_earlier_one_and_leaves_zeros() -> None:
    made = recording(Data(FILE, 0, b"a" * 512), Data(FILE, 512, b"b" * 512))
    found = {content_of(made, Chance(seed)) for seed in range(200)}
    assert found == {b"", b"a" * 512, bytes(512) + b"b" * 512, b"a" * 512 + b"b" * 512}


def test_a_write_is_torn_at_sectors_and_nowhere_else() -> None:
    made = recording(Data(FILE, 100, b"x" * 1000), content=b"-" * 1100)
    found = {content_of(made, Chance(seed)) for seed in range(300)}
    assert len(found) == 8
    for content in found:
        for start, end in ((100, 512), (512, 1024), (1024, 1100)):
            assert len(set(content[start:end])) == 1


def test_cutting_off_a_file_may_be_lost() -> None:
    made = recording(Size(FILE, 2), content=b"long")
    assert {content_of(made, fate) for fate in (Fate(), Loss())} == {b"lo", b"long"}
    assert content_of(recording(Size(FILE, 6), content=b"long"), Fate()) == b"long\0\0"


def test_syncing_a_file_saves_its_data_and_not_its_name() -> None:
    made = recording(Entry(((ROOT, "new", OTHER),)), Data(OTHER, 0, b"x"), Sync(OTHER))
    assert "new" not in entries_of(made, Loss())
    assert content_of(made, Loss(), OTHER) == b"x"


def test_a_folder_keeps_its_steps_in_order() -> None:
    made = recording(*(Entry(((ROOT, f"{number}", OTHER),)) for number in range(4)))
    found = {tuple(sorted(set(entries_of(made, Chance(seed))) - {"file", "folder"})) for seed in range(200)}
    assert found == {(), ("0",), ("0", "1"), ("0", "1", "2"), ("0", "1", "2", "3")}


def test_a_rename_is_one_step_in_both_folders() -> None:
    made = recording(Entry(((ROOT, "file", None), (FOLDER, "file", FILE))))
    for seed in range(50):
        fate = Chance(seed)
        inodes = state_after(made, 1, fate)
        places = [bool((inodes[folder].entries or {}).get("file")) for folder in (ROOT, FOLDER)]
        assert sorted(places) == [False, True]


def test_syncing_one_folder_saves_the_whole_rename_and_what_came_before_it() -> None:
    steps = [Entry(((ROOT, "new", OTHER),)), Entry(((ROOT, "new", None), (FOLDER, "kept", OTHER)))]
    made = recording(*steps, Sync(FOLDER), Entry(((ROOT, "file", None),)))
    assert entries_of(made, Loss(), FOLDER) == {"kept": OTHER}
    assert entries_of(made, Loss()) == {"file": FILE, "folder": FOLDER}


def test_the_same_seed_is_the_same_fate() -> None:
    made = recording(Data(FILE, 0, bytes(range(256)) * 40))
    assert content_of(made, Chance(7)) == content_of(made, Chance(7))
