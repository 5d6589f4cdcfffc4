"""Writes vectors.json: texts of our own with the ids that tiktoken and Hugging Face `tokenizers` give them, and
vectors_random.json: random strings (of fuzz_tiktoken.py) with tiktoken's ids by GPT-2's pattern and by GPT-4's.

Usage, from the root of the repository: python3 tests/tokenizer/make_vectors.py   (needs: tiktoken, tokenizers)

Both read data/gpt2/vocab.bpe and encoder.json, and nothing from the network. A text on which they differ is an error.
The last vectors hold code points at which the class (letter, number, blank, other) changes; they come from
frontend/tokenizer/unicode_runs.cpp, the answers do not.
"""

import json
import pathlib
import random
import re

import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tokenizers import ByteLevelBPETokenizer

from fuzz_tiktoken import GPT2, GPT4, random_string

ROOT = pathlib.Path(__file__).parent.parent.parent

TEXTS = [
    # Latin, with what a hurried reader of the pattern gets wrong
    "The quick brown fox can't jump; the lazy dog won't.",
    "It's what they've said we'd do, isn't it? I'm sure you'll agree they're right.",
    "IT'S WHAT THEY'VE SAID WE'D DO", "o'clock rock'n'roll y'all'd've", "'s 't 're 've 'm 'll 'd", "''' '' '",
    "it\u2019s a \u2018curly\u2019 one", "don'T DON't 'Sx 'LL", "x'S y'D z'Re", "1's 2't 3're",
    "tab\tand\ttab", " lead", "  lead", "   lead", "trail ", "trail  ", "trail   ", "a b", "a  b", "a   b", "\n", "\n\n",
    "a\nb", "a\n\nb", "a\n\n\nb", "a \n \n b", "\n a", " \na", "a\r\nb\r\n", "\t\t\tx", "\t x", " \tx", "\u00a0\u00a0x",
    "a\u2003b", "a\u2003\u2003b", "a\u3000\u3000b", "a\u200bb", "\ufeffa", "a\u0085b", "a\u2028b\u2029c", "a\x1cb\x1db",
    "a\x0bb\x0cc", "\x00\x01\x02\x7f\x80\x9f", "end of text <|endoftext|> here", "<|endoftext|>", "<|notatoken|>",
    "foo_bar-baz/qux@example.org", "https://example.org/a?b=c&d=%20#e", "C:\\path\\to\\file.txt", "$12.50 + 20% = $15.00",
    "0 00 000 0000 00000 1234567890 3.14159e-10 0xFFEE", "1,000,000.00 2nd 3rd 4th", "v1.2.3-rc4", "12:34:56",
    "!!! ??? ... ,,, ;;; ((())) [[[]]] {{{}}} ### ## # ---- ==== ~~~~ ````", "!?!?!?", "a.b.c", " .a .b", "-1 - 1",
    "def f(x, *, y=1):\n    if x:\n        return {'a': [x, y]}\n    return None\n",
    "for (size_t i = 0; i < n; ++i)\n\tsum += a[i] * b[i];\n", "<div class=\"x\">text</div>", "{\"key\": [1, 2.5, null, true]}",
    "SELECT * FROM t WHERE x >= 10;", "\\frac{a}{b} \\alpha_{i}^{2}", "| a | b |\n|---|---|\n| 1 | 2 |\n", "```\ncode\n```",
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "zqxjzqxjzqxj kwkwkw", "a" * 300, " " * 300, "ab" * 100, "=" * 200, "-" * 129 + "x", "\n" * 70 + "x", "é" * 90,
    # European
    "Der Fluß war größer als die Straße; Übermut tut selten gut.", "Où est passé l'été? Ça va, garçon?",
    "El niño comió piñas, ¿verdad? ¡Sí!", "Zażółć gęślą jaźń", "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "Árvíztűrő tükörfúrógép", "Þetta er íslenska, ekki færeyska", "İstanbul'da ıssız bir gün", "Ēlektrība un ķīmija",
    "e\u0301 o\u0308 n\u0303 (combining) e\u0301e\u0301", "\ufb01 \ufb02 \u01c5 \u1e9e \u2126", "ªº ʰʲ",
    "Η γρήγορη αλεπού πηδάει. Ἀρχὴ ἥμισυ παντός.", "Быстрая лиса прыгает через забор, а собака спит.",
    "Її життя — це щастя, ґанок і їжак.", "Љубав је њена Ђаковица.", "Հայերեն լեզու", "ქართული ენა",
    # Asian and African
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0661\u0662\u0663",
    "\u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u064e\u0651\u0629", "\u0641\u0627\u0631\u0633\u06cc \u06f4\u06f5\u06f6",
    "हिन्दी में लिखा हुआ वाक्य १२३", "বাংলা ভাষা ৪৫৬", "தமிழ் மொழி", "తెలుగు భాష", "ಕನ್ನಡ", "മലയാളം", "ગુજરાતી", "ਪੰਜਾਬੀ", "සිංහල",
    "ภาษาไทยไม่มีช่องว่าง ๑๒๓", "ພາສາລາວ", "မြန်မာဘာသာ", "ភាសាខ្មែរ", "བོད་སྐད", "Монгол ᠮᠣᠩᠭᠣᠯ",
    "日本語の文章です。漢字、ひらがな、カタカナ。", "ｶﾀｶﾅ ＡＢＣ １２３", "东边日出西边雨，道是无晴却有晴。", "繁體中文與簡體中文",
    "한국어 문장입니다. ㄱㄴㄷ", "\u1112\u1161\u11ab", "አማርኛ ቋንቋ ፩፪፫", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "ߒߞߏ", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "Tiếng Việt có dấu", "Yorùbá ọ̀rọ̀",
    # numbers, symbols, pictures, beyond the BMP
    "½ ¼ ¾ ² ³ ¹ ⁴ ₅ Ⅷ ⅻ ① ⑳ ㊿ 〇 ٣ ৪ ௫", "x² + y³ = z⁴", "∑ ∫ √ ∞ ≤ ≠ → ⇒ ∀ ∃ ∈", "€ £ ¥ ₹ ₿ ¢", "™ © ® ° § ¶ † ‡ • …",
    "┌─┬─┐│ │█▓▒░", "♠♥♦♣ ♔♕ ☀☁☂", "😀 😃😄 🙈🙉🙊", "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷", "❤️ ☎️ 1️⃣ #️⃣", "𝐁𝐨𝐥𝐝 𝑖𝑡𝑎𝑙𝑖𝑐 𝟙𝟚𝟛",
    "𐍈𐌰𐌹 𒀀𒀁 𓂀𓃭", "𠀀𠀁 𪚥", "\U000e0041\U000e0042", "\U0010ffff \U000f0000", "\ue000\uf8ff", "\ufffd\ufffe\uffff", "\u0378\u0379",
    "naïve café: 日本 and Россия at 20°C cost €5 😀, isn't it?",
]


def class_change_texts():
    source = (ROOT / "frontend/tokenizer/unicode_runs.cpp").read_text()
    runs = [int(run, 16) // 4 for run in re.findall(r"0x[0-9a-f]+(?=,)", source)]
    points = [point for point in runs if not 0xD800 <= point <= 0xE000][1::3]
    for begin in range(0, len(points), 64):
        yield "".join("x" + chr(point) for point in points[begin : begin + 64])


def main():
    files = [str(ROOT / "data/gpt2" / name) for name in ("vocab.bpe", "encoder.json")]
    encoding = tiktoken.Encoding(
        "gpt2", pat_str=GPT2, special_tokens={},
        mergeable_ranks=data_gym_to_mergeable_bpe_ranks(vocab_bpe_file=files[0], encoder_json_file=files[1]),
    )
    hugging_face = ByteLevelBPETokenizer(files[1], files[0])
    lines = []
    for text in TEXTS + list(class_change_texts()):
        ids = encoding.encode_ordinary(text)
        assert hugging_face.encode(text).ids == ids, ascii(text)
        lines.append(json.dumps({"text": text, "ids": ids}, separators=(",", ":")))
    (ROOT / "tests/tokenizer/vectors.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    write_random({"gpt2": encoding, "gpt4": tiktoken.Encoding(
        "gpt4", pat_str=GPT4, special_tokens={}, mergeable_ranks=encoding._mergeable_ranks)})


def write_random(encodings, count=400):
    draw = random.Random(16)
    lines = []
    for text in TEXTS + [random_string(draw) for _ in range(count)]:
        ids = {name: encoding.encode_ordinary(text) for name, encoding in encodings.items()}
        lines.append(json.dumps({"text": text, **ids}, separators=(",", ":")))
    (ROOT / "tests/tokenizer/vectors_random.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
