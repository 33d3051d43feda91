#!/usr/bin/env python3
"""A GSM modem with a SIM and a network behind it, on a pseudo terminal or a TCP port of this machine; by ITU V.250, 3GPP TS 27.005
and 27.007. Whatever is sent through it is written to a file as it reached the air, a JSON object a line.

Standard input takes commands, one a line, each answered by `ok` or `no: ...`; see `Modem.order`. It ends with its standard input.
"""

import argparse
import heapq
import json
import os
import re
import selectors
import socket
import sys
import termios
import time
import tty

import gsm
import makers

PROMPT = b"\r\n> "
END, ESCAPE = 0x1A, 0x1B
BEFORE_PIN = re.compile(r"^(\+CPIN|\+CMEE|\+CGM|\+GM|\+CGSN|\+GSN|\+CCID|\+CFUN|\+GCAP|\+CPAS|\+CSCS|\+CLIP|\+CRC|\+IPR|\+IFC|\+ICF)")
BASIC = re.compile(r"[A-Z&]\d*")
VERBOSE = {10: "SIM not inserted", 11: "SIM PIN required", 12: "SIM PUK required", 16: "incorrect password", 3: "operation not allowed", 13: "SIM failure", 14: "SIM busy",
           310: "SIM not inserted", 313: "SIM failure", 314: "SIM busy"}
NUMERIC = {"OK": "0", "RING": "2", "NO CARRIER": "3", "ERROR": "4"}
CAPACITY = 20


class Pty:
    """A serial line. Our own hold on the far end keeps it alive between clients."""

    def __init__(self, link):
        self.link, self.master = link, None
        self.plug()

    def plug(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave, termios.TCSANOW)
        os.set_blocking(self.master, False)
        if os.path.islink(self.link):
            os.unlink(self.link)
        os.symlink(os.ttyname(self.slave), self.link)

    def unplug(self):
        if self.master is not None:
            os.unlink(self.link)
            os.close(self.slave)
            os.close(self.master)
            self.master = None

    drop = None

    def waiting(self):
        return [] if self.master is None else [self.master]

    def read(self, _):
        try:
            return os.read(self.master, 4096)
        except OSError:
            return b""

    def write(self, octets):
        if self.master is not None:
            try:
                os.write(self.master, octets)
            except OSError:
                pass


class Tcp:
    """A converter's port: one client at a time."""

    def __init__(self, port, telnet):
        self.port, self.telnet, self.client, self.listener, self.held = port, telnet, None, None, b""
        self.plug()

    def plug(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self.listener.getsockname()[1]

    def unplug(self):
        self.drop()
        if self.listener:
            self.listener.close()
            self.listener = None

    def drop(self):
        if self.client:
            self.client.close()
            self.client = None

    def waiting(self):
        return [it for it in (self.listener, self.client) if it]

    def read(self, source):
        if source is self.listener:
            client, _ = self.listener.accept()
            if self.client:
                client.close()
                return b""
            self.client, self.held = client, b""
            if self.telnet:
                client.sendall(bytes([255, 251, 1, 255, 251, 3, 255, 253, 0, 255, 253, 44]))
            return b""
        try:
            octets = self.client.recv(4096)
        except OSError:
            octets = b""
        if not octets:
            self.drop()
        return self.plain(octets) if self.telnet else octets

    def plain(self, octets):
        """Without negotiation: three octets each, or up to IAC SE."""
        octets, out = self.held + octets, bytearray()
        place = 0
        while place < len(octets):
            if octets[place] != 255:
                out.append(octets[place])
                place += 1
                continue
            rest = octets[place:]
            if len(rest) < 2:
                break
            if rest[1] == 255:
                out.append(255)
                place += 2
            elif rest[1] == 250:
                end = rest.find(bytes([255, 240]))
                if end < 0:
                    break
                place += end + 2
            elif rest[1] < 251:
                place += 2
            elif len(rest) < 3:
                break
            else:
                place += 3
        self.held = octets[place:]
        return bytes(out)

    def write(self, octets):
        if self.client:
            try:
                self.client.sendall(octets.replace(b"\xff", b"\xff\xff") if self.telnet else octets)
            except OSError:
                self.drop()


class Modem:
    def __init__(self, line, options):
        self.line, self.options = line, options
        self.timers, self.order_of_timers, self.faults = [], 0, {}
        self.pin, self.tries, self.ready = options.pin, 3, not options.pin
        self.registered, self.signal, self.seconds = 1, 20, options.seconds
        self.outcome, self.report_after = options.reports, options.report_after
        self.reference = options.reference
        self.centre, self.stored, self.reports, self.recipients = "+4540390999", {}, {}, {}
        # How the SIM does that is not ready, one word after the other as it is asked; and until when.
        self.sim_says, self.sim_from, self.locked = [], 0.0, ""
        # What it says by itself behind the answer to a command.
        self.strays = {}
        # Read from the line so far.
        self.octets = 0
        self.restart()
        self.leave(options.left)
        if options.sim:
            self.order(f"sim {options.sim}")

    def restart(self):
        self.echo, self.errors, self.charset = True, 0, "IRA"
        # As delivered: text mode.
        self.format = 1
        self.indications, self.service, self.unsolicited_registration = [0, 0, 0, 0, 0], 0, 0
        self.parameters = [17, 167, 0, 0]
        self.held, self.entering, self.busy, self.input = bytearray(), None, False, bytearray()
        self.unacknowledged, self.deaf = 0, False
        self.quiet, self.verbose, self.boot = False, True, []

    def leave(self, words):
        """As another program may have left it."""
        for word in filter(None, words.split(",")):
            if word in ("UCS2", "GSM", "IRA"):
                self.charset = word
            else:
                self.one(word, "")

    # Time

    def after(self, seconds, act):
        self.order_of_timers += 1
        heapq.heappush(self.timers, (time.monotonic() + seconds, self.order_of_timers, act))

    def next_timer(self):
        return max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else None

    def run_timers(self):
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()

    # The line

    def write(self, octets):
        if self.has("split"):
            for octet in octets:
                self.line.write(bytes([octet]))
                time.sleep(0.001)
        else:
            self.line.write(octets)

    def say(self, *lines):
        if self.has("noise"):
            self.line.write(b"\x00\xfe\x80?noise\x07\r\n\xc3(\r\n")
        for text in lines:
            code = NUMERIC.get(text)
            if code and self.quiet:
                continue
            # V.250, 6.2.6: a number with one end of line, other text without the first.
            text = text.encode("utf-8")
            self.write(b"\r\n" + text + b"\r\n" if self.verbose else (code.encode() + b"\r" if code else text + b"\r\n"))

    def ok(self, *lines):
        if self.has("interrupt"):
            self.say("RING", '+CLIP: "+4587654321",145', "^RSSI:17")
        if self.boot:
            self.say(self.boot.pop(0))
        self.say(*lines)
        if self.has("interrupt"):
            self.say('+CMTI: "SM",99', "+CREG: 1")
        self.say("OK")

    def error(self, kind="", number=0):
        if self.boot:
            self.say(self.boot.pop(0))
        if not kind or self.errors == 0:
            self.say("ERROR")
        elif not self.quiet:
            words = VERBOSE[number] if self.errors == 2 and number in VERBOSE else number
            self.say(f"+{kind} ERROR: {words}")

    def has(self, fault, spend=False):
        """Whether this goes wrong at present; a fault that is spent goes wrong once less."""
        if fault not in self.faults:
            return False
        if spend:
            self.faults[fault][0] -= 1
            if self.faults[fault][0] <= 0:
                return [self.faults.pop(fault)[1]]
        return [self.faults[fault][1]]

    def feed(self, octets):
        self.octets += len(octets)
        if self.busy and self.has("deaf"):
            return
        self.input += octets
        while self.input and not self.busy:
            octet = self.input.pop(0)
            if self.has("silent"):
                continue
            if self.entering is not None:
                self.enter(octet)
            elif octet == 0x0D:
                text, self.held = self.held.decode("latin-1"), bytearray()
                if self.echo:
                    self.write((text + "\r").encode("latin-1"))
                self.command(text.strip())
            elif octet == ESCAPE:
                self.held = bytearray()
            elif octet == 0x08:
                del self.held[-1:]
            elif octet != 0x0A:
                self.held.append(octet)

    def enter(self, octet):
        command, text = self.entering
        if octet == ESCAPE:
            self.entering = None
            self.say("OK")
        elif octet == END:
            self.entering = None
            command(bytes(text))
        else:
            text.append(octet)
            if self.echo:
                self.line.write(bytes([octet]))
            if octet == 0x0D and self.format == 1:
                self.write(PROMPT)

    # Commands

    def command(self, text):
        if not text:
            return
        if not text.upper().startswith("AT"):
            # Not addressed to us: a modem says nothing.
            return
        rest = text[2:]
        commands = []
        while rest and not rest.startswith(("+", "^", "*")):
            found = BASIC.match(rest.upper())
            if not found:
                return self.error()
            commands.append(found.group())
            rest = rest[found.end():].lstrip(";")
        commands += [part for part in re.split(r";(?=[+^*])", rest) if part]
        lines = []
        for each in commands:
            name = re.match(r"[+^*A-Za-z&]+\d*", each).group().upper()
            refused = self.options.refuses.split(",")
            if name in refused or (each[len(name):].startswith("=") and name + "=" in refused):
                return self.error("CMS" if name.startswith("+CM") else "CME", 4)
            if self.starting() and each.startswith("+") and (name == "+CPIN" or not BEFORE_PIN.match(name)):
                return self.refuse_for_sim(name)
            if not self.ready and each.startswith("+") and not BEFORE_PIN.match(name):
                return self.error("CMS" if name.startswith("+CM") or name in ("+CNMI", "+CPMS", "+CSCA", "+CSMS") else "CME", 311 if name.startswith("+CM") else (12 if self.tries == 0 else 11))
            answer = self.one(name, each[len(name):])
            if answer is None:
                return None
            if answer is False:
                return self.error("CME", 3) if each.startswith("+") else self.error()
            lines += answer
        self.ok(*lines)
        if text[2:] in self.strays:
            self.say(self.strays[text[2:]])
        return None

    def starting(self):
        return bool(self.sim_says) and time.monotonic() < self.sim_from

    def refuse_for_sim(self, name):
        """The next word, the last of them again and again."""
        word = self.sim_says.pop(0) if len(self.sim_says) > 1 else self.sim_says[0]
        if word in makers.SIM:
            cme, cms = makers.SIM[word]
            return self.error("CMS", cms) if name.startswith("+CM") or name in ("+CNMI", "+CPMS", "+CSCA", "+CSMS") else self.error("CME", cme)
        if name == "+CPIN":
            return self.ok(f"+CPIN: {word.replace('_', ' ')}")
        return self.error("CME", 14)

    def text(self, value):
        """A string as the character set has it (3GPP TS 27.007, 5.5)."""
        if self.charset != "UCS2":
            return value
        try:
            return bytes.fromhex(value).decode("utf-16-be")
        except (ValueError, UnicodeDecodeError):
            return "?" + value

    def one(self, name, rest):
        """Lines of the answer; nothing if the command answers by itself; False if it is none."""
        if name in ("E0", "E1", "E"):
            self.echo = name == "E1"
            return []
        if name in ("Q", "Q0", "Q1"):
            self.quiet = name == "Q1"
            return []
        if name in ("V", "V0", "V1"):
            self.verbose = name == "V1"
            return []
        if re.match(r"^(X\d|Z\d?|&[FWCD]\d?|S\d+|H0?|M\d|L\d)$", name):
            return []
        method = getattr(self, "at_" + re.sub(r"\W", "", name).lower(), None)
        if method:
            if rest == "?":
                return method("?", [])
            if rest == "=?":
                return method("=?", [])
            if rest.startswith("="):
                values = re.findall(r'"[^"]*"|[^,]+|(?<=,)(?=,)', rest[1:])
                return method("=", [value.strip('"') for value in values])
            return method("", []) if not rest else False
        return False

    def fixed(value):
        return lambda self, how, values: [value] if how == "" else []

    at_cgmi = at_gmi = fixed("SIMULATED")
    at_cgmm = at_gmm = fixed("Modem of the tests")
    at_cgmr = at_gmr = fixed("1.0")
    at_cgsn = at_gsn = fixed("356938035643809")
    at_cimi = fixed("238011234567890")

    def at_ccid(self, how, values):
        return [f"+CCID: {self.options.iccid}"] if how == "" else []

    at_gcap = fixed("+GCAP: +CGSM")
    at_i = fixed("SIMULATED")

    def number_of(self, how, values, name, attribute, allowed):
        if how == "?":
            return [f"+{name}: {getattr(self, attribute)}"]
        if how == "=?":
            return [f"+{name}: ({','.join(map(str, allowed))})"]
        if not values or not values[0].isdigit() or int(values[0]) not in allowed:
            return False
        setattr(self, attribute, int(values[0]))
        return []

    def at_cmee(self, how, values):
        return self.number_of(how, values, "CMEE", "errors", (0, 1, 2))

    def at_cmgf(self, how, values):
        return self.number_of(how, values, "CMGF", "format", (1,) if self.options.text_only else (0, 1))

    def at_csms(self, how, values):
        if how == "=":
            return [f"+CSMS: 1,1,1"] if self.number_of(how, values, "CSMS", "service", (0, 1)) == [] else False
        return [f"+CSMS: {self.service},1,1,1"] if how == "?" else ["+CSMS: (0,1)"]

    def at_cpin(self, how, values):
        if how == "?":
            self.note({"asked": "CPIN"})
            if self.locked:
                return [f"+CPIN: {self.locked}"]
            return ["+CPIN: READY" if self.ready else "+CPIN: SIM PUK" if self.tries == 0 else "+CPIN: SIM PIN"]
        if how == "=?":
            return []
        if self.ready:
            return self.error("CME", 3)
        if self.tries == 0:
            return self.error("CME", 12)
        self.note({"pin": "tried"})
        if [self.text(value) for value in values] != [self.pin]:
            self.tries -= 1
            return self.error("CME", 16)
        self.ready, self.tries = True, 3
        return []

    def at_cfun(self, how, values):
        if how == "=" and values[:2] == ["1", "1"]:
            self.say("OK")
            self.restart()
            self.ready = not self.pin
            return None
        return ["+CFUN: 1"] if how == "?" else []

    def at_creg(self, how, values, name="CREG"):
        if how == "?":
            return [f"+{name}: {self.unsolicited_registration},{self.registered}"]
        return [f"+{name}: (0-2)"] if how == "=?" else self.number_of(how, values, name, "unsolicited_registration", (0, 1, 2))

    def at_cgreg(self, how, values):
        return self.at_creg(how, values, "CGREG")

    def at_cops(self, how, values):
        if how == "?":
            return ['+COPS: 0,0,"Test Network"'] if self.registered in (1, 5) else ["+COPS: 0"]
        return ['+COPS: (2,"Test Network","TEST","23801")'] if how == "=?" else []

    def at_csq(self, how, values):
        return ["+CSQ: (0-31,99),(0-7,99)"] if how == "=?" else [f"+CSQ: {self.signal},99"]

    def at_csca(self, how, values):
        if how == "=":
            self.centre = self.text(values[0]) if values else ""
            return []
        return [f'+CSCA: "{self.centre}",{145 if self.centre.startswith("+") else 129}'] if how == "?" else []

    def at_cscs(self, how, values):
        sets = ["IRA"] if self.options.text_only else ["IRA", "GSM", "UCS2"]
        if how == "?":
            return [f'+CSCS: "{self.charset}"']
        if how == "=?":
            return ["+CSCS: (" + ",".join(f'"{name}"' for name in sets) + ")"]
        name = self.text(values[0]) if values else ""
        # In UCS2 some take the name of another set in UCS2 alone.
        name = values[0] if values and name not in sets and not self.options.strict else name
        if name not in sets:
            return False
        self.charset = name
        return []

    def at_csmp(self, how, values):
        if how == "?":
            return ["+CSMP: " + ",".join(map(str, self.parameters))]
        if how == "=":
            for place, value in enumerate(values[:4]):
                if value:
                    self.parameters[place] = int(value)
        return []

    def at_csdh(self, how, values):
        return ["+CSDH: 0"] if how == "?" else []

    def at_cmms(self, how, values):
        return ["+CMMS: 0"] if how == "?" else []

    def at_cpms(self, how, values):
        used = len(self.stored)
        if how == "=?":
            return ['+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")']
        if how == "?":
            return [f'+CPMS: "SM",{used},{CAPACITY},"SM",{used},{CAPACITY},"SM",{used},{CAPACITY}']
        if any(value not in ("SM", "ME", "SR") for value in values):
            return self.error("CMS", 302)
        return [f"+CPMS: {used},{CAPACITY},{used},{CAPACITY},{used},{CAPACITY}"]

    def at_cnmi(self, how, values):
        if how == "?":
            return ["+CNMI: " + ",".join(map(str, self.indications))]
        if how == "=?":
            return [f"+CNMI: (0-2),(0-3),(0-2),({self.options.cds}),(0,1)"]
        numbers = [int(value or 0) for value in values]
        if len(numbers) > 3 and numbers[3] and str(numbers[3]) not in self.options.cds.split(","):
            return self.error("CMS", 303)
        self.indications[:len(numbers)] = numbers
        return []

    def at_cnma(self, how, values):
        if self.service != 1 or not self.unacknowledged:
            return self.error("CMS", 340)
        self.unacknowledged -= 1
        return []

    def at_clip(self, how, values):
        return ["+CLIP: 0,1"] if how == "?" else []

    def at_chup(self, how, values):
        self.note({"call": "hung up"})
        return []

    at_h = at_chup
    at_crc = at_cpas = at_cbc = at_ipr = at_ifc = at_icf = at_cclk = lambda self, how, values: [] if how == "=" else False

    # Messages

    def at_cmgs(self, how, values):
        if how != "=" or not values:
            return False
        for kind in ("cms", "cme"):
            fault = self.has(f"{kind}-at-once", spend=True)
            if fault:
                return self.error(kind.upper(), int(fault[0]))
        if self.has("no-prompt", spend=True):
            return None
        if self.has("hang-up", spend=True):
            if self.line.drop:
                self.line.drop()
            else:
                self.line.unplug()
            return None
        if self.format == 0:
            if not values[0].isdigit():
                return self.error("CMS", 304)
            length = int(values[0])
            self.entering = (lambda text: self.send(lambda: gsm.submit(text.decode("latin-1"), length)), bytearray())
        else:
            to = values[0]
            if not re.fullmatch(r"\+?\d{3,20}", self.text(to)):
                return self.error("CMS", 305)
            self.entering = (lambda text: self.send(lambda: self.plain(to, text)), bytearray())
        if self.has("interrupt"):
            self.say("RING", "+CREG: 1")
        self.after(self.options.prompt_after, lambda: self.write(PROMPT)) if self.options.prompt_after else self.write(PROMPT)
        return None

    def plain(self, to, text):
        """A message in text mode."""
        text = text.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
        if self.charset == "UCS2":
            to, text = self.text(to), self.text(text)
        if len(text) > 160:
            raise gsm.Wrong("too long")
        first, validity, identifier, scheme = self.parameters
        return {
            "to": to, "text": text, "flash": bool(scheme & 0x10) and scheme & 3 == 0, "pid": identifier, "coding": self.charset,
            "validity": gsm.seconds(validity) if first & 0x18 == 0x10 else None, "report": bool(first & 0x20), "part": None, "pdu": None,
        }

    def send(self, read):
        try:
            message = read()
        except gsm.Wrong as wrong:
            self.note({"wrong": str(wrong)})
            return self.error("CMS", 304 if self.format == 0 else 305)
        if self.registered not in (1, 5):
            return self.error("CMS", 331)
        if not self.centre:
            return self.error("CMS", 330)
        if self.has("full") or len(self.stored) >= CAPACITY:
            return self.error("CMS", 322)
        self.busy = True
        self.note({"entered": message["to"]})
        return self.after(self.seconds, lambda: self.sent(message))

    def sent(self, message):
        self.busy = False
        for kind in ("cms", "cme"):
            fault = self.has(kind, spend=True)
            if fault:
                self.error(kind.upper(), int(fault[0]))
                return self.feed(b"")
        if self.has("error", spend=True):
            self.error()
            return self.feed(b"")
        reference, self.reference = self.reference, (self.reference + 1) % 256
        self.note({"mr": reference, **message})
        self.recipients[reference] = message["to"]
        if message["report"] and self.outcome != "none":
            fails = self.outcome == "failed" or (self.options.fails and message["to"].startswith(self.options.fails))
            status = 0x46 if fails else {"delivered": 0x00, "pending": 0x20}[self.outcome]
            self.after(self.report_after, lambda: self.report(reference, message["to"], status))
        late = self.has("late", spend=True)
        if self.has("swallow", spend=True):
            pass
        elif late:
            self.after(float(late[0]), lambda: self.ok(f"+CMGS: {reference}"))
        else:
            self.ok(f"+CMGS: {reference}")
        return self.feed(b"")

    def report(self, reference, to, status):
        way = self.indications[3]
        length, pdu = gsm.report(reference, to, status)
        if way == 2:
            place = max(self.reports, default=0) + 1
            self.reports[place] = (length, pdu)
            self.say(f'+CDSI: "SR",{place}')
        elif way == 1 and not self.deaf:
            if self.service == 1:
                # Who does not acknowledge gets no more.
                self.unacknowledged += 1
                self.deaf = self.unacknowledged > 1
            if self.format == 0:
                self.write(f"\r\n+CDS: {length}\r\n{pdu}\r\n".encode())
            else:
                at = time.strftime('"%y/%m/%d,%H:%M:%S+00"', time.gmtime())
                self.say(f'+CDS: 6,{reference},"{to}",145,{at},{at},{status}')

    def at_cmgr(self, how, values):
        place = int(values[0])
        for box in (self.stored, self.reports):
            if place in box:
                length, pdu = box[place]
                return [f"+CMGR: 1,,{length}", pdu]
        return self.error("CMS", 321)

    def at_cmgl(self, how, values):
        lines = []
        for place, (length, pdu) in [*self.stored.items(), *self.reports.items()]:
            lines += [f"+CMGL: {place},1,,{length}", pdu]
        return lines

    def at_cmgd(self, how, values):
        if how != "=":
            return ["+CMGD: (" + ",".join(map(str, self.stored)) + ")" + ("" if self.options.delete == "refused" else ",(0-4)")]
        if len(values) > 1 and self.options.delete == "refused":
            # 3GPP TS 27.005, 3.5.4 before version 5 knows one number alone.
            return self.error("CMS", 304)
        if len(values) > 1 and values[1] != "0" and self.options.delete == "all":
            self.stored.clear()
            self.reports.clear()
            self.faults.pop("full", None)
            self.note({"storage": "emptied"})
        else:
            gone = self.stored.pop(int(values[0]), None) or self.reports.pop(int(values[0]), None)
            self.note({"storage": "deleted", "place": int(values[0]), "there": gone is not None})
        return []

    def note(self, what):
        with open(self.options.air, "a", encoding="utf-8") as air:
            air.write(json.dumps({"at": time.time(), "modem": self.options.name, **what}, ensure_ascii=False) + "\n")

    # What the test wants

    def order(self, text):
        word, *rest = text.split()
        if word == "fault":
            # fault NAME [COUNT [ARGUMENT]]; without a count until it is mended.
            count = float(rest[1]) if len(rest) > 1 else float("inf")
            self.faults[rest[0]] = [count, rest[2] if len(rest) > 2 else None]
        elif word == "mend":
            self.faults.clear()
        elif word == "unplug":
            self.line.unplug()
        elif word == "replug":
            self.restart()
            self.ready = not self.pin
            self.line.plug()
        elif word == "set":
            # set registered|signal|seconds|reference|report_after NUMBER, set outcome WORD, set centre NUMBER
            old = getattr(self, rest[0])
            setattr(self, rest[0], type(old)(rest[1]) if len(rest) > 1 else type(old)())
        elif word == "sim":
            # sim SECONDS WORD[,WORD...]: so long it is not ready, and says so; see `makers.SIM`, or the words themselves with `_` for a blank.
            self.sim_from, self.sim_says = time.monotonic() + float(rest[0]), rest[1].split(",")
        elif word == "locked":
            # locked WORDS: what it says of its SIM, whatever becomes of it.
            self.locked = " ".join(rest)
        elif word == "stray":
            # stray COMMAND WORDS: it says these behind the answer to the command, +CSCS? for one.
            self.strays[rest[0]] = " ".join(rest[1:])
        elif word == "start":
            # start MAKER: what it says by itself comes with the next answers.
            self.boot = list(makers.STARTS[rest[0]])
        elif word == "fill":
            # fill [COUNT]: so many messages are stored, all if none is named.
            for place in range(1, int(rest[0] if rest else CAPACITY) + 1):
                self.stored[place] = gsm.deliver("+4587654321", f"old {place}")
        elif word == "reboot":
            # reboot [WORD]: says this word, or nothing.
            self.restart()
            self.ready = not self.pin
            if rest:
                self.say(rest[0])
        elif word == "say":
            self.say(text.split(" ", 1)[1])
        elif word == "incoming":
            place = max(self.stored, default=0) + 1
            self.stored[place] = gsm.deliver(rest[0], " ".join(rest[1:]))
            if self.indications[1] == 1:
                self.say(f'+CMTI: "SM",{place}')
        elif word == "tell":
            # tell NUMBER STATUS: the network reports now on the message that was called so; the status in hexadecimal.
            self.report(int(rest[0]), self.recipients[int(rest[0])], int(rest[1], 16))
        elif word == "drop":
            # The converter loses its client; the modem behind it does not notice.
            self.line.drop()
        elif word == "octets":
            # So many were read from the line.
            return str(self.octets)
        elif word == "ring":
            self.say("RING", '+CLIP: "+4587654321",145')
        else:
            return f"no: {text}"
        return "ok"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pty", help="a link that leads to the terminal")
    parser.add_argument("--tcp", type=int, help="a port of this machine; 0: any")
    parser.add_argument("--telnet", action="store_true", help="the port negotiates as telnet does")
    parser.add_argument("--name", default="modem")
    parser.add_argument("--air", required=True)
    parser.add_argument("--pin", default="")
    parser.add_argument("--iccid", default="89450100000000000019", help="the number of its SIM")
    parser.add_argument("--seconds", type=float, default=0.05, help="that a message takes")
    parser.add_argument("--reports", default="delivered", choices=["delivered", "failed", "pending", "none"])
    parser.add_argument("--fails", default="", help="how the numbers begin to which nothing is delivered")
    parser.add_argument("--report-after", type=float, default=0.05)
    parser.add_argument("--prompt-after", type=float, default=0.0)
    parser.add_argument("--reference", type=int, default=0, help="of the first message")
    parser.add_argument("--cds", default="0,1,2", help="the ways of status reports that it knows")
    parser.add_argument("--left", default="", help="how another program left it: Q1, V0, E0, UCS2, with commas")
    parser.add_argument("--strict", action="store_true", help="in UCS2 every string is UCS2, the name of a character set too")
    parser.add_argument("--refuses", default="", help="what it does not know, with commas: Q0,+CMGL, or +CSCS= to set it")
    parser.add_argument("--delete", default="all", choices=["all", "refused", "first"], help="what AT+CMGD=1,4 does")
    parser.add_argument("--sim", default="", help="SECONDS WORD[,WORD]: how the SIM does at the beginning; see the order")
    parser.add_argument("--text-only", action="store_true", help="as CDMA modems are")
    options = parser.parse_args()
    line = Pty(options.pty) if options.pty else Tcp(options.tcp, options.telnet)
    modem = Modem(line, options)
    print(f"ready {options.pty or line.port}", flush=True)
    orders = b""
    while True:
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            for source in line.waiting():
                selector.register(source, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select(modem.next_timer())]
        for source in ready:
            if source == 0:
                read = os.read(0, 4096)
                if not read:
                    line.unplug()
                    return
                orders += read
                while b"\n" in orders:
                    text, orders = orders.split(b"\n", 1)
                    print(modem.order(text.decode()), flush=True)
            elif source in line.waiting():
                modem.feed(line.read(source))
        modem.run_timers()


if __name__ == "__main__":
    sys.exit(main())
