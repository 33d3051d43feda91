"""Sends a message through a modem with python-gsmmodem-new, in PDU mode and in text mode, and waits for the report of the first.
Arguments: the device, the number, the text."""

import sys

from gsmmodem.modem import GsmModem
from gsmmodem.modem import SentSms

device, number, text = sys.argv[1:]
modem = GsmModem(device, 115200)
modem.connect(None)
modem.smsTextMode = False
sent = modem.sendSms(number, text, waitForDeliveryReport=True, deliveryTimeout=15)
assert sent.status == SentSms.DELIVERED, sent.status
modem.smsTextMode = True
modem.sendSms(number, "in text mode")
print(modem.manufacturer, modem.signalStrength, modem.networkName)
modem.close()
