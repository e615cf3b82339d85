#!/usr/bin/env python3
"""Licences, sources and bans of everything in Cargo.lock; every direct dependency has its reason in
docs/dependencies.md, as has what tests/interop names. What cargo-deny would check, without building it."""

import json
import re
import subprocess
import sys

ALLOWED = {
    "MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "Unlicense",
    "BSL-1.0", "CC0-1.0", "Unicode-3.0", "CDLA-Permissive-2.0", "Apache-2.0 WITH LLVM-exception",
}
# Two TLS stacks or two clocks in one program are one too many.
BANNED = {"openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys", "time-macros", "jiff"}


def allowed(expression: str) -> bool:
    """Is the SPDX expression met by what is allowed? AND, OR, parentheses, and the old slash."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def either() -> bool:
        ok = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            ok = both() or ok
        return ok

    def both() -> bool:
        ok = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            ok = one() and ok
        return ok

    def one() -> bool:
        token = tokens.pop(0)
        if token == "(":
            ok = either()
            tokens.pop(0)
            return ok
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token += " WITH " + tokens.pop(0)
            return token in ALLOWED or token.split(" WITH ")[0] in ALLOWED
        return token in ALLOWED

    return either()


def main() -> int:
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    # The target keeps out what only other systems need; `dev` dependencies are not shipped but checked.
    rustc = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    host = re.search(r"host: (\S+)", rustc).group(1)
    command += ["--filter-platform", host]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ours = set(metadata["workspace_members"])
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    wrong = []
    for package in metadata["packages"]:
        name = f"{package['name']} {package['version']}"
        if package["id"] in ours or package["id"] not in used:
            continue
        if not package["license"] or not allowed(package["license"]):
            wrong.append(f"{name}: licence {package['license'] or package['license_file']!r} is not among those allowed")
        if package["source"] != "registry+https://github.com/rust-lang/crates.io-index":
            wrong.append(f"{name}: comes from {package['source']}, not from crates.io")
        if package["name"] in BANNED:
            wrong.append(f"{name}: banned (a second TLS stack or time library)")
    with open("docs/dependencies.md", encoding="utf-8") as file:
        document = file.read()
    reasons = set(re.findall(r"^\| `([^`]+)`", document, re.MULTILINE))
    direct = {
        dependency["name"]
        for package in metadata["packages"]
        if package["id"] in ours
        for dependency in package["dependencies"]
        if dependency["source"]
    }
    wrong += [f"{name}: no reason in docs/dependencies.md" for name in sorted(direct - reasons)]
    wrong += [f"{name}: in docs/dependencies.md, but not in Cargo.toml" for name in sorted(reasons - direct)]
    with open("tests/interop/package.json", encoding="utf-8") as file:
        tools = {f"npm `{name}`" for name in json.load(file)["dependencies"]}
    with open("tests/interop/requirements.txt", encoding="utf-8") as file:
        tools |= {f"PyPI `{name}`" for name in re.findall(r"^([\w.-]+)==", file.read(), re.MULTILINE)}
    named = set(re.findall(r"^\| ((?:npm|PyPI) `[^`]+`)", document, re.MULTILINE))
    wrong += [f"{name}: no reason in docs/dependencies.md" for name in sorted(tools - named)]
    wrong += [f"{name}: in docs/dependencies.md, but not in tests/interop" for name in sorted(named - tools)]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(used) - len(ours)} packages checked, {len(wrong)} problems", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
