"""Reads messages by decoders nobody here wrote, and compares. Each line of standard input is an object: `to`, `text`, `flash`,
`report`, `pdus` (hexadecimal, the service centre's address in front). The first one that is read otherwise ends it.

smspdudecoder reads what is sent (SMS-SUBMIT). python-messaging reads only what comes in: it is given each part as the phone would
get it.
"""

import io
import json
import sys

from messaging.sms import SmsDeliver
from smspdudecoder.fields import SMSSubmit


def as_received(pdu):
    """The same user data in an SMS-DELIVER from +4512345678."""
    octets = bytes.fromhex(pdu)
    rest = octets[5 + (octets[3] + 1) // 2:]
    head = bytes([0, 0x04 | (octets[1] & 0x40), 10, 0x91, 0x54, 0x21, 0x43, 0x65, 0x87, rest[0], rest[1]])
    return (head + bytes.fromhex("62112211435480") + rest[3:]).hex().upper()


def joined(parts):
    """Pairs of surrogates become the letter that they stand for."""
    return "".join(parts).encode("utf-16-be", "surrogatepass").decode("utf-16-be")


def without_filling(part, pdu):
    """smspdudecoder counts a letter of the extension as one where the text ends, and so takes seven bits of filling for an `@`."""
    content, octets = part["user_data"]["data"], bytes.fromhex(pdu)
    units = octets[5 + (octets[3] + 1) // 2 + 3]
    dear = part["dcs"]["encoding"] == "gsm" and any(letter in content for letter in "^{}\\[~]|€\f")
    return content[:-1] if dear and units % 8 == 7 and content.endswith("@") else content


def check(message):
    text, pdus = message["text"], message["pdus"]
    sent = [SMSSubmit.decode(io.StringIO(pdu)) for pdu in pdus]
    contents = [without_filling(part, pdu) for part, pdu in zip(sent, pdus)]
    assert joined(contents) == text, ("smspdudecoder", contents)
    for number, part in enumerate(sent):
        assert "+" + part["recipient"]["number"] == message["to"] and part["recipient"]["toa"]["ton"] == "international"
        assert part["header"]["srr"] == message["report"] and part["header"]["vpf"] == 2
        if len(sent) > 1:
            concatenated = part["user_data"]["header"]["elements"][0]["data"]
            assert (concatenated["parts_count"], concatenated["part_number"]) == (len(sent), number + 1), concatenated
    received = [SmsDeliver(as_received(pdu)) for pdu in pdus]
    assert joined(part.text for part in received) == text, ("python-messaging", [part.text for part in received])
    assert all((part.dcs & 0x10 == 0x10) == message["flash"] for part in received)
    if len(received) > 1:
        assert [part.udh.concat.seq for part in received] == list(range(1, len(received) + 1))
        assert len({part.udh.concat.ref for part in received}) == 1


def main():
    count = 0
    for line in io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"):
        message = json.loads(line)
        try:
            check(message)
        except Exception as error:
            print(f"{json.dumps(message)}: {type(error).__name__} {error}", file=sys.stderr)
            sys.exit(1)
        count += 1
    print(f"{count} messages read as they were written")


main()
