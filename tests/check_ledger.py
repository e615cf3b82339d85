#!/usr/bin/env python3
"""Checks a ledger that `watchbell audit export LEDGER --messages MESSAGES` wrote, by docs/ledger.md alone.

usage: check_ledger.py [LEDGER [MESSAGES]]     without arguments: the example in docs/
Prints head and root, and ends with 0 when everything holds, with 1 and the first thing that does not."""
import csv, hashlib, json, pathlib, sys

TAKEN, REPORTS = "accepted", ("delivered", "undelivered", "expired")
# word -> what its part may be before it
MAY = {"accepted": ("open", "doubt"), "adopted": ("doubt",), "refused": ("open", "doubt"), "doubt": ("open",),
       "reported": (TAKEN,), "unconfirmed": (TAKEN,), "resent": ("doubt",), "suppressed": ("open",), "cancelled": ("open",)}


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def tree(level):
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2])
        level = [sha(b"\1", a, b) for a, b in pairs] + (level[-1:] if len(level) % 2 else [])
    return level[0] if level else sha()


def must(holds, *words):
    if not holds:
        sys.exit("DIFFERS: " + " ".join(str(w) for w in words))


def outcome(m):
    state, code = last_try(m)
    if m.get("again") and state in ("rejected", "suppressed", "cancelled"):
        return ("in_doubt", f"{state}:{code}")
    return (state, code)


def last_try(m):
    kinds = [kind for kind, _ in m["parts"]]
    left = any(kind == TAKEN or kind in REPORTS for kind in kinds)
    if m["ours"]:
        return ("undelivered", "partial:" + m["ours"][1]) if left else m["ours"]
    failed = [p for p in m["parts"] if p[0] in REPORTS[1:]]
    refused = [code for kind, code in m["parts"] if kind == "refused"]
    if failed:
        return failed[0]
    if refused:
        return ("undelivered", "partial:" + refused[0]) if left or "doubt" in kinds else ("rejected", refused[0])
    if "doubt" in kinds or "open" in kinds:
        return ("in_doubt" if "doubt" in kinds else "", "")
    if TAKEN in kinds:
        return ("unconfirmed" if m["silent"] else "submitted", "")
    return m["parts"][-1]


def hear(e, n, messages, where):
    of = e.get("of", 1)
    m = messages.setdefault(e["m"], {"last": 0, "parts": [("open", "")] * of, "ours": None, "silent": False})
    k, word, code = e["part"], e["w"], e.get("k", "")
    must(e["p"] == m["last"] and of == len(m["parts"]) and k < of, where, "does not follow its message's last event")
    must(m["ours"] is None and m["parts"][k][0] in MAY[word], where, "is impossible after", m["parts"])
    m["last"] = n
    if word in ("suppressed", "cancelled"):
        m["ours"] = (word, code)
    elif word == "resent":
        m["parts"], m["again"] = [("open", "")] * of, True
    elif word == "unconfirmed":
        m["silent"] = True
    else:
        m["parts"][k] = (e["v"] if word == "reported" else TAKEN if word == "adopted" else word, code)
    m["silent"] = m["silent"] and outcome(m)[0] == "unconfirmed"
    must(outcome(m)[0] == e.get("s", ""), where, "says", e.get("s"), "and follows to be", outcome(m)[0])


def check(ledger, table):
    lines = open(ledger, encoding="utf-8", newline="\n")
    first = json.loads(next(lines))
    must(first["watchbell_ledger"] == 1, "unknown format")
    n, prev, hashes, events, messages, lanes = 0, "00" * 32, [], 0, {}, {}
    for line in lines:
        entry, n = json.loads(line), n + 1
        texts = entry["events"].split("\n")
        must(entry["n"] == n and entry["prev"] == prev and texts.pop() == "", "entry", n, "does not follow")
        must(entry["root"] == tree([sha(b"\0", t.encode()) for t in texts]).hex(), "entry", n, "root")
        head = [first["chain"], n, entry["time_us"], len(texts), entry["root"], prev]
        prev = sha("".join(f"{h}\n" for h in ["watchbell entry 1", *head]).encode()).hex()
        must(entry["count"] == len(texts) and entry["hash"] == prev, "entry", n, "hash")
        hashes.append(sha(b"\0", bytes.fromhex(prev)))
        events += len(texts)
        for at, e in enumerate(map(json.loads, texts), 1):
            if e["e"] == "frozen":
                lanes.update((lane["lane"], lane) for lane in e["lanes"])
                for span in e["suppressed"]:
                    for p in range(span["from"], span["to"]):
                        messages[span["lane"] << 32 | p] = {"last": 0, "parts": [("open", "")], "ours": ("suppressed", span["reason"])}
            elif e["e"] == "m":
                hear(e, n, messages, f"entry {n} line {at}")
    must(first["head"] == f"{n}:{prev}" and first["entries"] == n, "the head is not the last entry")
    if table:
        leaves = {}
        for row in csv.DictReader(open(table, encoding="utf-8", newline="")):
            mid = int(row["id"])
            known = outcome(messages[mid]) if mid in messages else ("", "")
            must((row["state"], row["code"]) == known, "message", mid, "is", row["state"], row["code"], "and follows to be", *known)
            leaf = leaves.setdefault(mid >> 32, [])
            must(len(leaf) == mid & 0xFFFFFFFF and row["leaf"], "message", mid, "has no leaf, or one before it is missing")
            leaf.append(bytes.fromhex(row["leaf"]))
        for lane, frozen in lanes.items():
            must(tree(leaves.pop(lane, [])).hex() == frozen["root"], "lane", lane, "is not what was frozen")
        must(not leaves, "messages of lanes that were never frozen:", *leaves)
    print(f"holds: {n} entries, {events} events, {len(messages)} messages with events\nhead {n}:{prev}\nroot {tree(hashes).hex()}")


docs = pathlib.Path(__file__).resolve().parent.parent / "docs"
args = sys.argv[1:] or [docs / "ledger-example.jsonl", docs / "ledger-example.csv"]
check(args[0], args[1] if len(args) > 1 else None)
