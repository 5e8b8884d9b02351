"""The body sites of DICOM CID 4029 "Dermatology Anatomic Site" (version 20240913). No other site is ever recorded.

The codes are those of SNOMED CT (scheme designator SCT), of the Foundational Model of Anatomy (FMA) and of DICOM itself
(DCM), one for each concept: DICOM PS3.16. The side of the body is factored out (`Laterality`), as DICOM does it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnatomicSite:
    """One body site.

    Attributes:
        code: Code value.
        scheme: Coding scheme designator: `SCT`, `FMA` or `DCM`.
        meaning: Code meaning, English.
    """

    code: str
    scheme: str
    meaning: str


_TABLE = """
SCT 182329002 Anterior triangle of neck
SCT 28726007 Cornea
SCT 85803001 Eyelash
SCT 279479008 Female external urethral orifice
SCT 279867004 Frenulum of labia minora
SCT 280387007 Groin skin crease
SCT 386045008 Hair
SCT 41296002 Iris
SCT 279478000 Male external urethral orifice
FMA 281534 Mucosa of dorsum of oral part of tongue
FMA 281537 Mucosa of dorsum of pharyngeal part of tongue
SCT 36152006 Mucosa of floor of mouth
SCT 46353006 Mucosa of lower lip
SCT 245823002 Mucosa of mandibular gingiva
SCT 245814000 Mucosa of maxillary gingiva
FMA 289677 Mucosa of oral segment of hard palate
FMA 60031 Mucosa of palatoglossal arch
FMA 55031 Mucosa of pharynx
FMA 55060 Mucosa of posterior wall of oropharynx
SCT 245831007 Mucosa of tip of tongue
SCT 8001006 Mucosa of tongue
SCT 18444004 Mucosa of upper lip
FMA 60030 Mucosa of uvula
SCT 770820003 Nail unit of fifth toe
SCT 770809003 Nail unit of finger
SCT 770821004 Nail unit of fourth toe
SCT 770822006 Nail unit of great toe
SCT 770815003 Nail unit of index finger
SCT 770818001 Nail unit of little finger
SCT 770816002 Nail unit of middle finger
SCT 770817006 Nail unit of ring finger
SCT 770823001 Nail unit of second toe
SCT 770825008 Nail unit of third toe
SCT 770810008 Nail unit of thumb
SCT 770805009 Nail unit of toe
SCT 113277000 Oral mucosa
SCT 4019005 Posterior commissure of labium majorum
SCT 5665001 Retina
SCT 18619003 Sclera
SCT 39937001 Skin
SCT 75093004 Skin of abdomen
SCT 68598004 Skin of ala nasi
SCT 17957002 Skin of antecubital fossa
DCM 130305 Skin of anterior helix of ear
SCT 11584001 Skin of anterior portion of neck
SCT 70559009 Skin of anterior surface of forearm
SCT 181553006 Skin of anterior surface of knee
SCT 25763004 Skin of anterior surface of lower leg
SCT 61248009 Skin of anterior surface of thigh
SCT 244106003 Skin of anterior surface of thorax
SCT 45981001 Skin of anterior surface of upper arm
SCT 181491009 Skin of anterior trunk
SCT 38407007 Skin of antitragus
SCT 59112000 Skin of anus
SCT 72005009 Skin of areola
SCT 76261009 Skin of axilla
SCT 66643007 Skin of back
FMA 49943 Skin of back of trunk
SCT 699893008 Skin of back of upper thoracic region
SCT 82038008 Skin of breast
SCT 22180002 Skin of buttock
DCM 130306 Skin of caruncle of eye
SCT 51098001 Skin of cavity of concha
SCT 36141000 Skin of cheek
SCT 23747009 Skin of chin
SCT 29353003 Skin of clitoris
SCT 57726007 Skin of crus of helix
SCT 244169007 Skin of digit of hand
SCT 52876008 Skin of dorsal area of wrist
FMA 37885 Skin of dorsal part of fifth toe
FMA 37882 Skin of dorsal part of fourth toe
FMA 37873 Skin of dorsal part of great toe
FMA 38324 Skin of dorsal part of index finger
FMA 38333 Skin of dorsal part of little finger
FMA 38327 Skin of dorsal part of middle finger
FMA 38330 Skin of dorsal part of ring finger
FMA 37876 Skin of dorsal part of second toe
FMA 37879 Skin of dorsal part of third toe
FMA 38321 Skin of dorsal part of thumb
FMA 59532 Skin of dorsum of nose
SCT 1902009 Skin of ear
SCT 2059009 Skin of ear lobule
SCT 30598005 Skin of epigastric area
SCT 86409001 Skin of external auditory canal
SCT 60944009 Skin of external genitalia
SCT 362916000 Skin of eye region
SCT 367577003 Skin of eyebrow
SCT 73897004 Skin of face
SCT 60496002 Skin of foot
SCT 68698007 Skin of forehead
SCT 7991003 Skin of glans penis
SCT 63029009 Skin of gluteal fold
SCT 33712006 Skin of hand
SCT 70762009 Skin of head
SCT 84607009 Skin of heel
SCT 79313003 Skin of helix of ear
SCT 367578008 Skin of hypogastric region
SCT 89784008 Skin of hypothenar region of palm
DCM 130307 Skin of inferior helix of ear
DCM 130308 Skin of inferior posterior surface of the pinna
DCM 130312 Skin of infraalar groove
SCT 66288003 Skin of infraclavicular region
SCT 39687006 Skin of inguinal region
SCT 45591000 Skin of intertragal incisure
SCT 244097004 Skin of jawline
SCT 73058008 Skin of labium
SCT 128252004 Skin of labium majus
SCT 128253009 Skin of labium minus
SCT 181564009 Skin of lateral aspect of ankle
SCT 35739000 Skin of lateral border of sole of foot
SCT 37671003 Skin of lateral canthus
DCM 130309 Skin of lateral part of dorsum of foot
SCT 699909001 Skin of lateral part of heel
SCT 5272005 Skin of lateral portion of neck
SCT 88089004 Skin of lip
SCT 699914002 Skin of lower abdomen
DCM 130310 Skin of lower antihelix of ear
SCT 113182001 Skin of lower back
SCT 699915001 Skin of lower chest wall
SCT 371304004 Skin of lower extremity
SCT 40069000 Skin of lower eyelid
DCM 130311 Skin of lower eyelid margin
FMA 61427 Skin of lower inner quadrant of breast
SCT 66934001 Skin of lower lip
FMA 61423 Skin of lower outer quadrant of breast
DCM 130304 Skin of lower paraspinal region
SCT 181563003 Skin of medial aspect of ankle
SCT 52953006 Skin of medial border of sole of foot
SCT 27887005 Skin of medial canthus
DCM 130313 Skin of medial part of dorsum of foot
SCT 699919007 Skin of medial part of heel
SCT 73958006 Skin of medial surface of thigh
DCM 130323 Skin of mid back
DCM 130303 Skin of mid paraspinal region
SCT 37108007 Skin of nasolabial fold
SCT 43081002 Skin of neck
SCT 54468004 Skin of nipple
SCT 113179006 Skin of nose
SCT 4658004 Skin of nuchal region
SCT 79951008 Skin of occipital region
SCT 70887009 Skin of palm of hand
SCT 24527008 Skin of palmar area of wrist
FMA 38344 Skin of palmar part of index finger
FMA 38357 Skin of palmar part of little finger
FMA 38347 Skin of palmar part of middle finger
FMA 38354 Skin of palmar part of ring finger
FMA 38341 Skin of palmar part of thumb
DCM 130314 Skin of paranasal cheek
DCM 130300 Skin of paraspinal area of the neck
DCM 130301 Skin of paraspinal area of the superior back
SCT 21672008 Skin of parietal region
SCT 281642007 Skin of part of dorsal surface of hand
SCT 35900000 Skin of penis
SCT 48014002 Skin of perineum
SCT 110488009 Skin of perioral region of face
SCT 84365009 Skin of philtrum
FMA 38119 Skin of plantar part of fifth toe
FMA 38116 Skin of plantar part of fourth toe
FMA 38107 Skin of plantar part of great toe
FMA 38110 Skin of plantar part of second toe
FMA 38113 Skin of plantar part of third toe
SCT 84507004 Skin of popliteal fossa
SCT 24483006 Skin of postauricular region
DCM 130315 Skin of posterior helix of ear
DCM 130316 Skin of posterior lobule of the ear
SCT 181536004 Skin of posterior surface of elbow
SCT 41550009 Skin of posterior surface of forearm
SCT 47224004 Skin of posterior surface of lower leg
SCT 4578000 Skin of posterior surface of thigh
SCT 244111001 Skin of posterior surface of thorax
SCT 72939005 Skin of posterior surface of upper arm
SCT 86719006 Skin of preauricular region
SCT 76723005 Skin of prepuce of clitoris
SCT 244117002 Skin of root of penis
SCT 43067004 Skin of scalp
SCT 81992007 Skin of scrotum
SCT 244118007 Skin of shaft of penis
SCT 314395006 Skin of side of nose
DCM 130317 Skin of sole of forefoot
SCT 34926004 Skin of submental area
DCM 130318 Skin of superior antihelix of ear
DCM 130319 Skin of superior posterior helix of ear
DCM 130320 Skin of superior posterior surface of the pinna
SCT 76072005 Skin of supraclavicular region of neck
SCT 16621002 Skin of temporal region
SCT 26795005 Skin of thenar region of palm
SCT 79283007 Skin of tip of nose
SCT 52034004 Skin of toe
SCT 79502000 Skin of tragus
SCT 315003 Skin of umbilicus
SCT 699935000 Skin of upper abdomen
DCM 130321 Skin of upper antihelix of ear
SCT 371311000 Skin of upper extremity
SCT 41310005 Skin of upper eyelid
DCM 130322 Skin of upper eyelid margin
FMA 61426 Skin of upper inner quadrant of breast
SCT 16251004 Skin of upper lip
FMA 61439 Skin of upper outer quadrant of left breast
DCM 130302 Skin of upper paraspinal region
SCT 54440003 Skin of upper trunk
FMA 312651 Skin of vermilion proper of lower lip
FMA 312647 Skin of vermilion proper of upper lip
SCT 61719002 Skin of vertex of scalp
SCT 244107007 Sternal skin
SCT 5713008 Submandibular triangle
SCT 38199008 Tooth
SCT 18857001 Vaginal introitus
SCT 23213005 Vulval vestibule
"""


def _read(line: str) -> AnatomicSite:
    scheme, code, meaning = line.split(maxsplit=2)
    return AnatomicSite(code, scheme, meaning)


SITES = {site.code: site for site in map(_read, _TABLE.strip().splitlines())}
"""Every site by its code."""


def find_site(text: str) -> AnatomicSite:
    """Find a site by its code or by its meaning; "Skin of" may be left out, and case does not matter.

    Raises:
        ValueError: There is no such site.
    """
    if text.strip() in SITES:
        return SITES[text.strip()]
    wanted = text.strip().casefold()
    for site in SITES.values():
        if wanted in (site.meaning.casefold(), site.meaning.casefold().removeprefix("skin of ")):
            return site
    message = "it is not a body site of DICOM CID 4029"
    raise ValueError(message)
