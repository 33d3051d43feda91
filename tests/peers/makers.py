"""How modems of several makers start: what they say by themselves, in their order, and how they say that their SIM is not ready.

Sources, by the names of the makers' manuals: Huawei "ME909s AT Command Interface Specification" (^BOOT, ^SIMST, ^MODE, ^SRVST); Sierra Wireless and
Wavecom "AT Commands Interface Guide" (+WIND, CME 515 "please wait, init or command processing in progress"); SIMCom "SIM800 Series AT Command Manual"
(RDY, +CFUN, +CPIN, Call Ready, SMS Ready; CMS 532); Quectel "EC25 AT Commands Manual" (RDY, +QIND, CMS 512); Cinterion and Siemens "TC35i, MC55i AT
Command Set" (^SYSSTART); Sony Ericsson "AT Commands for GR47/GR48" (*EMRDY); Telit "AT Commands Reference Guide" (+CMS ERROR: 310 and 314 after
power-on; #QSS); 3GPP TS 27.007, 7.2 (+CREG: stat[,lac,ci]), 8.3, 9.2; TS 27.005, 3.2.5. What stands here was written from knowledge of these, and was not
heard from the devices.
"""

STARTS = {
    "huawei": ["^BOOT:20952548,0,0,0,20", "^SIMST:255", "^SIMST:1", '+CREG: 2', "^MODE:5,4", "^SRVST:2", "^RSSI:17", '+CREG: 1,"00C3","0F5A"'],
    "wavecom": ["+WIND: 3", "+WIND: 1", "+WIND: 7", "+CME ERROR: 515", "+WIND: 4", '+WIND: 10,"SM",1', "+CREG: 2", "+CREG: 1"],
    "simcom": ["RDY", "+CFUN: 1", "+CPIN: NOT READY", "+CPIN: SIM PIN", "Call Ready", "SMS Ready", '*PSUTTZ: 2026,1,1,0,0,0,"+4",0', "DST: 0"],
    "quectel": ["RDY", "+CFUN: 1", "+CPIN: READY", '+QUSIM: 1', "+QIND: SMS DONE", "+QIND: PB DONE", "RING", '+CREG: 5,"6A","1B2C",7'],
    "cinterion": ["^SYSSTART", "+PBREADY", '+CIEV: "message",0', "^SCKS: 1", "+CREG: 1"],
    "siemens": ["^SYSSTART CHARGE ONLY MODE", "^SYSSTART", "^SHUTDOWN", "^SYSSTART"],
    "sonyericsson": ["*EMRDY: 1", "+CIEV: 2,5", "*E2SMSRI: 0", "*EREG: 1"],
    "telit": ["#QSS: 1", "#QSS: 2", "#QSS: 3", '+CREG: 1,"00C3","0F5A"', "+CRING: VOICE"],
    "mediatek": ["MODEM:STARTUP", "+PBREADY", "+EIND: 128", "+ESIMS: 1", "^CINIT: 1, 0, 0"],
}

# What a command that needs the SIM is refused with meanwhile: as +CME and as +CMS.
SIM = {
    "missing": (10, 310),
    "failure": (13, 313),
    "busy": (14, 314),
    "wait": (515, 515),
    "simcom": (14, 532),
    "quectel": (14, 512),
    "pin2": (17, 317),
}
