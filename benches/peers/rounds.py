"""Engines side by side, timed in alternating rounds: a machine's speed changes from one second to the next, the ratio of neighbouring turns hardly."""
import json
import random
import subprocess
import time
from pathlib import Path

LIMIT = 1e-4  # relative error of an output against the 64-bit reference
PAUSE = 0.05  # seconds between turns, in which an engine's threads go to sleep


class Engine:
    """A process that speaks the protocol of `netc bench --serve`."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.info = {}
        while not self.info.get("ready"):
            self.info.update(self.answer())

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"it ended with status {self.process.wait()}")
        return json.loads(line)

    def turn(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.answer()["ms"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def compare(python, names, net, directory, batch, threads, rounds, turn, netc):
    """All about one network with one batch and number of threads, as it goes to the file of raw results."""
    worker = Path(__file__).with_name("engines.py")
    engines, times = {}, []
    try:
        for name in names:
            engines[name] = Engine([python, worker, name, net, directory, str(batch), str(threads), netc])
            error = engines[name].info["error"]
            if not error <= LIMIT:
                raise RuntimeError(f"the output of {name} is wrong: its error is {error:.1e}")
        for _ in range(rounds):
            entry = {}
            for name in random.sample(names, len(names)):
                time.sleep(PAUSE)
                entry[name] = engines[name].turn(turn)
            times.append(entry)
    finally:
        for engine in engines.values():
            engine.stop()
    return {"net": net, "batch": batch, "threads": threads, "turn": turn, "engines": {n: e.info for n, e in engines.items()}, "rounds": times}
