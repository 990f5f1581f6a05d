"""python3 -m unittest discover benches/peers"""
import json
import tempfile
import unittest

import table


def result(rounds, net="AlexNet", batch=1):
    info = {"version": "1", "create_ms": 1, "peak_rss_mb": 1, "error": 0}
    return {"cpu": "a CPU", "load": 0, "net": net, "batch": batch, "threads": 1, "engines": {name: info for name in rounds[0]}, "rounds": rounds}


class Table(unittest.TestCase):
    ROUNDS = [{"netc": [1, 2], "ort": [4, 9], "torch-eager": [3]}, {"netc": [4], "ort": [5], "torch-eager": [9]}, {"netc": [6, 5], "ort": [5], "torch-eager": [9]}]

    def test_ratios_are_by_round(self):
        # ort has the median 5, torch the best of all; by round netc takes 1/4, 4/5, 5/5 of ort's time.
        self.assertEqual(table.compare(result(self.ROUNDS)), ("ort", 4 / 5, 1 / 4))

    def test_the_target_is_the_batch_s(self):
        for batch, verdict in (1, "| 0.8 | yes |"), (8, "| 0.7 | **no** |"):
            self.assertIn(verdict, table.markdown([result(self.ROUNDS, batch=batch)]))
        self.assertIn("| 0.250 |  |  |", table.markdown([result(self.ROUNDS, net="Unknown")]))

    def test_peers_do_without_netc(self):
        alone = [{name: times for name, times in entry.items() if name != "netc"} for entry in self.ROUNDS]
        self.assertEqual(table.compare(result(alone)), ("ort",))
        self.assertIn("| ort |  |  | 0.8 |  |", table.markdown([result(alone)]))

    def test_the_short_table_leaves_out_what_was_not_measured(self):
        results = [result(self.ROUNDS), result(self.ROUNDS, net="ZFNet", batch=8)]
        head, _, first, second = table.short(results)
        self.assertEqual(head, "| net | batch 1, 1 thread | batch 8, 1 thread |")
        self.assertEqual(first, "| AlexNet | 4.0 / 5.0 = **0.80** |  |")
        self.assertEqual(second, "| ZFNet |  | 4.0 / 5.0 = **0.80** |")

    def test_a_later_result_replaces_an_earlier_one(self):
        with tempfile.NamedTemporaryFile("w+") as file:
            for rounds in self.ROUNDS[:1], self.ROUNDS:
                print(json.dumps(result(rounds)), file=file, flush=True)
            (only,) = table.read(file.name)
        self.assertEqual(len(only["rounds"]), 3)


if __name__ == "__main__":
    unittest.main()
