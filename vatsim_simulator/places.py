"""Places of the traffic: airports with their share, airlines, centres."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from vatwatch.traffic.airports import Airport, load_airports
from vatwatch.traffic.geometry import distance_nm

# Airports and their share of the traffic. Most of VATSIM's traffic is in Europe and at America's
# coasts.
_HUBS = """
EGLL 22 EHAM 19 EDDF 19 LFPG 13 EGKK 14 EDDM 13 LOWW 11 LSZH 11 LEMD 11 LEBL 11 EKCH 10 ESSA 10
ENGM 9 EFHK 8 EIDW 10 EBBR 8 LIRF 9 LIMC 7 LPPT 9 LGAV 8 LTFM 11 LHBP 6 EPWA 7 LKPR 6 LROP 4
LBSF 3 EDDB 9 EDDH 7 EDDL 8 EDDK 6 EDDS 5 EGCC 8 EGSS 8 EGGW 6 EGPH 6 EGPF 3 EGGD 3 EGBB 4 EGSH 1
LFPO 5 LFMN 7 LFLL 4 LFML 3 LFBO 4 LFBD 2 LSGG 7 LOWI 6 LOWS 4 LIPZ 4 LICC 2 LIRN 3 LIPE 2 LEPA 8
LEMG 5 LEAL 3 LEIB 3 GCLP 5 GCTS 5 GCLA 1 LPPR 5 LPFR 4 LPMA 5 LGTS 3 LGIR 4 LGKR 2 LCLK 3 LMML 3
LDZA 3 LDSP 2 LYBE 3 LJLJ 2 LQSA 1 EVRA 4 EETN 3 EYVI 3 ENBR 4 ENZV 2 ENVA 2 ENTC 2 ESGG 4 EKBI 3
BIKF 5 UUEE 7 UUDD 4 ULLI 5 URSS 3 UNKL 1 UKBB 2 UBBB 2 UGTB 2 LTAI 4 LLBG 4 OMDB 13 OMAA 6 OTHH 8
OEJN 4 OERK 4 OBBI 2 OKKK 2 OPKC 2 VIDP 5 VABB 4 VOBL 3 VOCI 1 VCBI 2 VTBS 6 VTSP 2 WSSS 9 WMKK 5
WIII 4 WADD 3 VVTS 4 VVNB 2 RPLL 3 VHHH 9 RCTP 6 ZGGG 4 ZSPD 5 ZBAA 5 ZUUU 2 RKSI 6 RJTT 8 RJAA 5
RJBB 4 RJCC 2 ROAH 1 YSSY 8 YMML 7 YBBN 6 YPPH 4 YPAD 2 YSCB 1 NZAA 4 NZWN 2 NZCH 2 NFFN 1 PHNL 4
PANC 3 KJFK 14 KLAX 14 KBOS 10 KATL 9 KORD 9 KSFO 10 KMIA 9 KDFW 8 KDEN 7 KSEA 8 KLAS 6 KPHX 5
KIAH 5 KMSP 4 KDTW 4 KCLT 5 KEWR 6 KIAD 4 KDCA 4 KPHL 4 KMCO 6 KTPA 3 KFLL 4 KSAN 4 KPDX 3 KSLC 3
KBWI 3 KMDW 2 KAUS 2 KMSY 2 KRDU 2 KBNA 2 KSTL 1 KCLE 1 KPIT 1 KJAX 1 KSAV 1 KSNA 2 KOAK 2 KSJC 2
TJSJ 3 TNCM 3 CYYZ 7 CYVR 6 CYUL 5 CYYC 3 CYOW 2 CYHZ 2 CYEG 1 MMMX 3 MMUN 3 MKJP 1 MDPC 2 TTPP 1
SBGR 5 SBGL 3 SBBR 2 SAEZ 3 SCEL 2 SKBO 2 SPJC 1 SUMU 1 FAOR 4 FACT 3 HECA 3 HKJK 2 HAAB 1 DNMM 1
GMMN 2 DTTA 1
"""

# Centres: the callsign's prefix, and airports beside which its aerials stand.
_CENTRES = """
LON_S EGKK EGLL EGHI; LON_N EGCC EGNX EGNT; LON_W EGFF EGGD EGTE; SCO EGPF EGPH EGPD
EISN EIDW EINN EICK; EHAA EHAM EHRD EHGG; EBBU_W EBBR EBOS EBAW; EDGG EDDF EDDK EDDS
EDWW EDDH EDDB EDDW; EDMM EDDM EDDN EDDP; EDUU_E EDDM EDDF EDDN; LFFF LFPG LFPO LFOB
LFMM LFML LFMN LFLL; LFBB LFBO LFBD LFBZ; LSAS LSZH LSGG LSZB; LOVV LOWW LOWS LOWG
LIMM LIMC LIMF LIPZ; LIRR LIRF LIRN LICC; LECM LEMD LEZL LEVX; LECB LEBL LEVC LEPA
LPPC LPPT LPPR LPFR; GCCC GCLP GCTS GCLA; EKDK EKCH EKBI EKYT; ESOS ESSA ESGG ESNU
ENOR_S ENGM ENBR ENZV; ENOR_N ENVA ENBO ENTC; EFIN_D EFHK EFTP EFOU; EETT EETN EETU
EVRR EVRA; EYVL EYVI EYKA; EPWW EPWA EPKK EPGD; LKAA LKPR LKTB; LZBB LZIB; LHCC LHBP
LDZO LDZA LDSP; LYBA LYBE LYNI; LRBB LROP LRCL; LBSR LBSF; LGGG LGAV LGTS LGIR
LTBB LTFM LTBJ; LTAA LTAC LTAI; UUWV UUEE UUDD; ULLL ULLI; BIRD BIKF BIAR; LLLL LLBG
OMAE OMDB OMAA; OTDF OTHH; OEJD OEJN OERK; VIDF VIDP; VABF VABB; VTBB VTBS VTSP; WSJC WSSS
WMFC WMKK WMKP; WIIF WIII; RPHI RPLL; VHHK VHHH; RCAA RCTP; ZSHA ZSPD; ZGZU ZGGG; RKRR RKSI
RJJJ_E RJTT RJAA; RJJJ_W RJBB RJFF; ML-BIK YMML YMHB; BN-INL YBBN YBCG; ML-GUN YSSY YSCB
NZZC NZAA NZWN NZCH; HNL PHNL PHOG; ANC PANC; NY KJFK KEWR KPHL; BOS KBOS KBDL KPWM
DC KIAD KDCA KRDU; JAX KJAX KSAV KMCO; MIA KMIA KTPA KFLL; ATL KATL KCLT KBHM; CHI KORD KMDW KMKE
CLE KCLE KDTW KPIT; MSP KMSP KDSM; KC KSTL KMCI; FTW KDFW KOKC; HOU KIAH KAUS KMSY; DEN KDEN KCOS
ABQ KABQ KPHX; SLC KSLC KBOI; LAX KLAX KSAN KLAS; OAK KSFO KOAK KSMF; SEA KSEA KPDX; TOR CYYZ CYOW
MTL CYUL CYQB; VAN CYVR CYLW; WPG CYWG; EDM CYYC CYEG; CZQM CYHZ; MMFR MMMX; SBBS SBBR SBCF
SBCW SBGR SBPA; SAEF SAEZ; FAJA FAOR; FACA FACT; HECC HECA; GMMM GMMN
"""

# Airlines, by the beginning of the airport's code; the last that fits counts.
_AIRLINES = """
* UAE QTR THY AFR DLH BAW KLM; E DLH RYR EZY WZZ EJU KLM; EG BAW EZY RYR EXS VIR TOM LOG SHT
EI EIN RYR STK; EH KLM TRA KLC; EB BEL JAF; ED DLH EWG CFG TUI GEC; EF FIN; EK SAS DAT
EN SAS NOZ WIF; ES SAS NSZ; EP LOT; L AFR IBE VLG AUA SWR ITY AEE THY; LF AFR TVF HOP
LE IBE VLG AEA; LP TAP; LS SWR EDW; LO AUA; LI ITY RYR; LG AEE; LT THY PGT; LH WZZ; BI ICE
U AFL SBI SVR; O UAE ETD QTR SVA; V AIC IGO THA SIA; W SIA MAS AXM GIA; R JAL ANA KAL EVA CAL
Z CCA CES CSN CPA; VH CPA HKE; Y QFA VOZ JST; N ANZ QFA; K AAL DAL UAL SWA JBU NKS ASA FDX UPS SKW
P UAL HAL ASA; C ACA WJA JZA; M AMX VOI; T AAL JBU; S TAM GLO AZU ARG AVA; F SAA ETH KQA
H MSR ETH; D RAM; G IBE RAM BNT
"""

LIGHT_PREFIXES = {
    "K": "N",
    "EG": "G-",
    "ED": "D-E",
    "LF": "F-G",
    "EH": "PH-",
    "C": "C-F",
    "Y": "VH-",
}


# Aerodromes on water; those of the country are lakes.
WATER_AERODROMES = ("CYHC", "CYWH", "KCGA", "KHYL", "KKAE", "PAGN", "KKWP")


class Centre(NamedTuple):
    """An en-route sector: the prefix of its callsign, and where its aerials are."""

    prefix: str
    aerials: tuple[Airport, ...]


class Places(NamedTuple):
    """Airports to fly between, with their weights, and all that are known."""

    hubs: tuple[Airport, ...]
    cumulative_weights: tuple[int, ...]
    fields: tuple[Airport, ...]
    """Small airports that have an ICAO code, for light aircraft."""
    water: tuple[Airport, ...]
    """Aerodromes on water, for seaplanes."""
    centres: tuple[Centre, ...]


@cache
def places() -> Places:
    """The places of the network that are in the airports' data set."""
    airports = load_airports()
    words = _HUBS.split()
    weights = {icao: int(weight) for icao, weight in zip(words[::2], words[1::2], strict=True)}
    hubs = tuple(airports[icao] for icao in weights if icao in airports)
    total, cumulative = 0, []
    for hub in hubs:
        total += weights[hub.icao]
        cumulative.append(total)
    regions = {hub.icao[:2] for hub in hubs}
    fields = tuple(
        airport
        for icao, airport in airports.items()
        if len(icao) == 4
        and icao.isalpha()
        and icao[:2] in regions
        and icao not in weights
        and icao not in WATER_AERODROMES
    )
    water = tuple(airports[icao] for icao in WATER_AERODROMES if icao in airports)
    return Places(hubs, tuple(cumulative), fields, water, _centres(airports))


def callsign_prefix(airport: Airport) -> str:
    """What the callsigns of an airport's stations begin with; American ones are short: `JFK`."""
    return airport.icao[1:] if airport.icao.startswith("K") else airport.icao


@cache
def is_hub(icao: str) -> bool:
    """Whether it is one of the large airports."""
    return any(hub.icao == icao for hub in places().hubs)


@cache
def hubs_between(icao: str, shortest_nm: int, longest_nm: int) -> tuple[list[Airport], list[int]]:
    """The hubs within this range of distances, with their weights."""
    known = places()
    here = next(hub for hub in known.hubs if hub.icao == icao)
    found, weights, total = [], [], 0
    for hub, cumulative in zip(known.hubs, known.cumulative_weights, strict=True):
        away_nm = distance_nm(here.latitude, here.longitude, hub.latitude, hub.longitude)
        if shortest_nm <= away_nm <= longest_nm:
            found.append(hub)
            weights.append(cumulative - total)
        total = cumulative
    return found, weights


@cache
def airlines_at(icao: str) -> tuple[str, ...]:
    """The airlines that may fly from an airport, its own first."""
    found: tuple[str, ...] = ()
    for entry in _entries(_AIRLINES):
        if entry[0] == "*" or icao.startswith(entry[0]):
            found = (*entry[1:], *found)
    return found


def _centres(airports: Mapping[str, Airport]) -> tuple[Centre, ...]:
    return tuple(
        Centre(entry[0], aerials)
        for entry in _entries(_CENTRES)
        if (aerials := tuple(airports[icao] for icao in entry[1:] if icao in airports))
    )


def _entries(table: str) -> list[list[str]]:
    return [entry.split() for line in table.strip().splitlines() for entry in line.split(";")]
