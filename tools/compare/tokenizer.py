"""Encoding and decoding side by side: gptc, tiktoken, Hugging Face tokenizers and gigatoken (Rust), GPT-2's vocabulary.

Usage, from the root of the repository, after a build:
    python3 -m venv VENV && VENV/bin/pip install -r tools/compare/requirements.txt
    VENV/bin/python tools/compare/tokenizer.py [--gptc build/release/bin/gptc] [--threads 1,2] [--rounds 5] [--peers tiktoken,gigatoken] [FILE...]

Same documents (64 KiB, whole lines), threads and machine; the programs run in turn, round after round, nine times at a
turn unless that takes long, and medians are compared. Every program first has to give the same ids. The texts are those
of `gptc bench tokenizer` and real source code, Python's own library as it is installed; or FILEs. The peers get and give
Python objects where their interface asks for it: tiktoken's and tokenizers' figures include making lists, gigatoken's
the array it gives; gptc's are of the library. In all of them the C library keeps freed memory. Other Rust encoders on
PyPI (bpe-openai, rs-bpe) know other vocabularies only, so they cannot give the same ids.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
DOCUMENT = 64 << 10
REPEATS = 9  # so that each program, at its turn, finds its caches warm
PEERS = ("tiktoken", "tokenizers", "gigatoken")
# Freed memory stays the process's, for all alike; else the system's clearing of pages is measured too.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


def documents_of(data):
    documents = []
    while data:
        line = data.find(b"\n", DOCUMENT) if len(data) > DOCUMENT else -1
        size = len(data) if line < 0 else line + 1
        documents.append(data[:size].decode())
        data = data[size:]
    return documents


def make_peer(name, threads):
    """Two functions: documents to ids (whatever the library gives), and those ids to texts."""
    files = {key: str(ROOT / "data/gpt2" / file) for key, file in (("merges", "vocab.bpe"), ("vocab", "encoder.json"))}
    if name == "tiktoken":
        import tiktoken
        from tiktoken.load import data_gym_to_mergeable_bpe_ranks

        ranks = data_gym_to_mergeable_bpe_ranks(vocab_bpe_file=files["merges"], encoder_json_file=files["vocab"])
        encoding = tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
        if threads == 1:
            return (lambda docs: [encoding.encode_ordinary(doc) for doc in docs],
                    lambda ids: [encoding.decode_bytes(one) for one in ids])
        return (lambda docs: encoding.encode_ordinary_batch(docs, num_threads=threads),
                lambda ids: encoding.decode_bytes_batch(ids, num_threads=threads))
    from tokenizers import ByteLevelBPETokenizer

    fast = ByteLevelBPETokenizer(files["vocab"], files["merges"])
    if name == "tokenizers":
        return (lambda docs: [one.ids for one in fast.encode_batch_fast(docs)] if hasattr(fast, "encode_batch_fast")
                else [one.ids for one in fast.encode_batch(docs)], fast.decode_batch)
    import gigatoken

    giga = gigatoken.Tokenizer.from_json(fast.to_str())
    return (lambda docs: giga.encode_batch(docs, parallel=threads > 1),
            lambda ids: [giga.decode(one) for one in ids])


def seconds_of(work):
    """The median of REPEATS calls in a row, or of as many as take an eighth of a second; and what the last gave."""
    seconds = []
    while len(seconds) < REPEATS and sum(seconds) < 0.125:
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


def run_repeatedly(encode, decode, documents):
    encoding, ids = seconds_of(lambda: encode(documents))
    ids = ids if isinstance(ids, list) else list(ids)
    return {"encode": encoding, "decode": seconds_of(lambda: decode(ids))[0]}


def serve(name, threads):
    """A child process a peer, so that its thread pool has the size asked for: reads jobs, answers with figures."""
    encode, decode = make_peer(name, threads)
    documents = []
    for line in sys.stdin:
        job = json.loads(line)
        if job["do"] == "load":
            data = pathlib.Path(job["path"]).read_bytes()
            documents = documents_of(data)
            answer = [[int(token) for token in one] for one in encode(documents)]
        else:
            answer = run_repeatedly(encode, decode, documents)
        print(json.dumps(answer), flush=True)


class Child:
    def __init__(self, name, threads):
        environment = dict(os.environ, **KEEP_MEMORY, RAYON_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="true" if threads > 1 else "false")
        self.process = subprocess.Popen([sys.executable, __file__, "--serve", name, "--threads", str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, **job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def write_library(path, size=8 << 20):
    """Real source code: the files of Python's library, in order, up to a size."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    text = bytearray()
    for file in sorted(library.rglob("*.py")):
        if "site-packages" in file.parts or "dist-packages" in file.parts:
            continue
        data = file.read_bytes()
        try:
            data.decode()
        except UnicodeDecodeError:
            continue
        text += data
        if len(text) >= size:
            break
    path.write_bytes(text)


def gptc_ids(gptc, path, folder):
    """The ids of each document as gptc gives them."""
    documents = documents_of(pathlib.Path(path).read_bytes())
    ids = []
    for document in documents:
        part = pathlib.Path(folder) / "document.txt"
        part.write_bytes(document.encode())
        out = subprocess.run([gptc, "tokenizer", "encode", "--tokenizer", "gpt2", "--in", part], check=True, capture_output=True)
        ids.append([int(word) for word in out.stdout.split()])
    return ids


def gptc_round(gptc, path, threads):
    out = subprocess.run([gptc, "bench", "tokenizer", "--json", "--rounds", str(REPEATS), "--threads", str(threads), "--in", path],
                         check=True, capture_output=True, env=dict(os.environ, **KEEP_MEMORY))
    row = json.loads(out.stdout)["texts"][0]["runs"][0]
    return {"encode": row["encode_mib_s"]["median"], "decode": row["decode_mib_s"]["median"]}


def compare(options, path, threads, folder, check):
    size = pathlib.Path(path).stat().st_size / 2**20
    children = {name: Child(name, threads) for name in options.peers}
    speeds = {name: {"encode": [], "decode": []} for name in ("gptc", *options.peers)}
    loaded = {name: child.ask(do="load", path=str(path)) for name, child in children.items()}
    expected = loaded[options.peers[0]]
    for name, ids in loaded.items():
        assert ids == expected, f"{name} and {options.peers[0]} give different ids for {path}"
    if check:
        assert gptc_ids(options.gptc, path, folder) == expected, f"gptc and {options.peers[0]} give different ids for {path}"
    for _ in range(options.rounds):
        for kind, value in gptc_round(options.gptc, str(path), threads).items():
            speeds["gptc"][kind].append(value)
        for name, child in children.items():
            for kind, seconds in child.ask(do="run").items():
                speeds[name][kind].append(size / seconds)
    for child in children.values():
        child.close()
    return speeds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gptc", default=str(ROOT / "build/release/bin/gptc"))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=lambda names: names.split(","), default=list(PEERS), help="some of " + ",".join(PEERS))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, int(options.threads))
    with tempfile.TemporaryDirectory() as folder:
        files = options.files
        if not files:
            subprocess.run([options.gptc, "bench", "tokenizer", "--write-texts", folder], check=True)
            files = [str(pathlib.Path(folder) / f"{name}.txt") for name in ("english", "cjk", "code")]
            files.append(str(pathlib.Path(folder) / "python.txt"))
            write_library(pathlib.Path(files[-1]))
        print("| text | threads | work | gptc MiB/s min / median / max |", " | ".join(f"{name} | ratio" for name in options.peers), "|")
        print("|---|---|---|---|" + "---|---|" * len(options.peers))
        for path in files:
            for index, threads in enumerate(int(count) for count in options.threads.split(",")):
                speeds = compare(options, path, threads, folder, index == 0)
                for kind in ("encode", "decode"):
                    own = speeds["gptc"][kind]
                    row = [pathlib.Path(path).stem, str(threads), kind, f"{min(own):.0f} / {statistics.median(own):.0f} / {max(own):.0f}"]
                    for name in options.peers:
                        median = statistics.median(speeds[name][kind])
                        row += [f"{median:.1f}", f"{statistics.median(own) / median:.1f}"]
                    print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
