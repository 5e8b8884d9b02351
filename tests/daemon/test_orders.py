from dermscan.daemon.orders import Order, OrderBook


def test_one_order_waits_at_a_time() -> None:
    book = OrderBook()
    first = Order("a", by_command=True)
    assert book.free
    assert book.place(first)
    assert not book.place(Order("b", by_command=True))
    assert book.pending() is first
    assert book.close()
    assert not book.close()
    assert book.free
    assert book.pending() is None
