"""Messages as the network sees them: what a modem is given to send is taken apart strictly, and what comes in is put together. For
`modem.py`; written from 3GPP TS 23.038 and 23.040, apart from the product's own code."""

import time

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}


class Wrong(Exception):
    """The octets are no message."""


def septets(octets, count):
    number = int.from_bytes(octets, "little")
    return [(number >> (7 * place)) & 0x7F for place in range(count)]


def letters(codes):
    text, escaped = "", False
    for code in codes:
        if escaped:
            text, escaped = text + EXTENSION.get(code, BASIC[code]), False
        elif code == 0x1B:
            escaped = True
        else:
            text += BASIC[code]
    if escaped:
        raise Wrong("half a letter of the extension")
    return text


def number(kind, octets, digits):
    halves = [half for octet in octets for half in (octet & 15, octet >> 4)]
    if any(half > 9 for half in halves[:digits]) or (digits % 2 and halves[digits] != 15):
        raise Wrong("a number that is not digits")
    return ("+" if kind == 0x91 else "") + "".join(str(half) for half in halves[:digits])


def semi(text):
    """Two digits an octet."""
    text += "F" if len(text) % 2 else ""
    return bytes(int(text[place + 1] + text[place], 16) for place in range(0, len(text), 2))


def coding(dcs):
    """What the data coding scheme says: the alphabet, and whether the message is shown at once."""
    if dcs & 0xF0 == 0xF0:
        return ("8bit" if dcs & 4 else "gsm"), dcs & 3 == 0
    if dcs & 0xC0:
        raise Wrong(f"coding scheme {dcs:#x}")
    alphabet = {0: "gsm", 4: "8bit", 8: "ucs2"}.get(dcs & 0x0C)
    if alphabet is None:
        raise Wrong(f"coding scheme {dcs:#x}")
    return alphabet, bool(dcs & 0x10) and dcs & 3 == 0


def seconds(validity):
    if validity <= 143:
        return (validity + 1) * 300
    if validity <= 167:
        return 43200 + (validity - 143) * 1800
    if validity <= 196:
        return (validity - 166) * 86400
    return (validity - 192) * 7 * 86400


def submit(text, length):
    """An SMS-SUBMIT in hexadecimal, of which the command said so many octets; as a dictionary."""
    try:
        whole = bytes.fromhex(text.strip())
    except ValueError:
        raise Wrong("not hexadecimal") from None
    if not whole or len(whole) != 1 + whole[0] + length:
        raise Wrong(f"{len(whole)} octets where {length} and the centre's address were announced")
    octets = list(whole[1 + whole[0]:])

    def take(count):
        if len(octets) < count:
            raise Wrong("too short")
        taken = bytes(octets[:count])
        del octets[:count]
        return taken

    first, _, digits, kind = take(4)
    if first & 3 != 1:
        raise Wrong("not an SMS-SUBMIT")
    to = number(kind, take((digits + 1) // 2), digits)
    identifier, scheme = take(2)
    period = {0x00: lambda: None, 0x10: lambda: seconds(take(1)[0]), 0x08: lambda: take(7) and 0, 0x18: lambda: take(7) and 0}
    validity = period[first & 0x18]()
    units = take(1)[0]
    alphabet, flash = coding(scheme)
    expected = (units * 7 + 7) // 8 if alphabet == "gsm" else units
    if len(octets) != expected or expected > 140:
        raise Wrong(f"{len(octets)} octets of text where {expected} were announced")
    data, header, part = bytes(octets), b"", None
    if first & 0x40:
        header = data[:1 + data[0]]
        if header[1] == 0 and header[2] == 3:
            part = list(header[3:6])
            if not 1 <= part[2] <= part[1]:
                raise Wrong(f"part {part[2]} of {part[1]}")
    if alphabet == "gsm":
        words = letters(septets(data, units)[(len(header) * 8 + 6) // 7:])
    elif alphabet == "ucs2":
        try:
            words = data[len(header):].decode("utf-16-be")
        except UnicodeDecodeError as error:
            raise Wrong(f"not UTF-16: {error}") from None
    else:
        words = data[len(header):].hex()
    return {
        "to": to, "text": words, "flash": flash, "pid": identifier, "coding": alphabet, "validity": validity,
        "report": bool(first & 0x20), "part": part, "pdu": text.strip(),
    }


def stamp():
    return semi(time.strftime("%y%m%d%H%M%S", time.gmtime())) + b"\0"


def report(reference, to, status):
    """SMS-STATUS-REPORT: how long its TPDU is, and all of it in hexadecimal."""
    digits = to.lstrip("+")
    kind = 0x91 if to.startswith("+") else 0x81
    octets = bytes([0x06, reference, len(digits), kind]) + semi(digits) + stamp() + stamp() + bytes([status])
    return len(octets), (b"\0" + octets).hex().upper()


def deliver(sender, text):
    """SMS-DELIVER of a text in UCS-2."""
    digits, data = sender.lstrip("+"), text.encode("utf-16-be")
    octets = bytes([0x04, len(digits), 0x91]) + semi(digits) + b"\0\x08" + stamp() + bytes([len(data)]) + data
    return len(octets), (b"\0" + octets).hex().upper()
