#!/usr/bin/env python3
# Keeps a listening socket open and starts a program with it, again and again (sd_listen_fds protocol): keeper.py PROGRAM ARGUMENT...
# Prints "port N" first. Then each line on standard input is an order: "start" begins the program ("started PID"), "stop" sends it
# SIGTERM and waits for its end ("ended STATUS"). The end of standard input ends the program and the keeper.
import os
import signal
import socket
import sys

listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind(("127.0.0.1", 0))
listening.listen(4096)
child = None


def say(text):
    print(text, flush=True)


def start():
    pid = os.fork()
    if pid == 0:
        os.dup2(listening.fileno(), 3)
        os.set_inheritable(3, True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="doorward")
        os.execv(sys.argv[1], sys.argv[1:])
    return pid


say(f"port {listening.getsockname()[1]}")
for order in sys.stdin:
    if order == "start\n":
        child = start()
        say(f"started {child}")
    elif order == "stop\n":
        os.kill(child, signal.SIGTERM)
        say(f"ended {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")
        child = None
if child is not None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
