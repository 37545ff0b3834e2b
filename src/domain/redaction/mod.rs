//! Secrets taken out of what somebody else wrote: whole or in pieces, plain or encoded.

mod addresses;
mod reading;

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use self::reading::{Reading, without_escapes};
use super::hex;
use super::secret::Secret;
use super::untrusted::is_invisible;

/// So many characters of a secret in a row are a piece of it. Fewer are a coincidence.
const PIECE: usize = 8;

/// The same in what is kept as data, such as names: there a mask in the wrong place is damage.
const PIECE_IN_DATA: usize = 16;

/// Characters that a byte takes where something stands between the bytes, or every second one is nothing.
const APART: usize = 3;

/// A piece in data whose bytes stand apart.
const PIECE_APART: usize = PIECE_IN_DATA * APART - 1;

/// A secret shorter than this could be any word.
const SHORTEST: usize = 4;

/// What stands in its place.
const MASK: &str = "[secret]";

/// The text without these secrets: plain, URL-encoded, in base64 or hex, in any case, and pieces of all that. Of an address
/// only its end is a secret, and the address as a whole.
///
/// A text that shows a secret only once its escapes, entities, look-alikes and invisible characters are read as a person or
/// a browser would read them is given back in that reading, masked.
pub fn without_secrets(text: &str, secrets: &[&Secret]) -> String {
    let read = as_read(text);
    if read != text {
        let masked = masked(&read, secrets);
        if masked != read {
            return masked;
        }
    }
    masked(text, secrets)
}

/// The text as a person reads it: without invisible characters, full-width letters as plain ones, and with the escapes of
/// HTML, JSON and addresses resolved, also twice.
fn as_read(text: &str) -> String {
    let narrow = |character: char| match u32::from(character) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(character),
        _ => character,
    };
    let visible =
        |text: &str| -> String { text.chars().filter(|character| !is_invisible(*character)).map(narrow).collect() };
    (0..2).fold(visible(text), |text, _| visible(&unescaped(&text)))
}

/// The text with `&#80;`, `&amp;`, `\u0050`, `\x50` and `%50` resolved, where they stand for one character of ASCII.
fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['&', '\\', '%']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (character, length) = escape(from).unwrap_or((from.chars().next().unwrap_or_default(), 1));
        out.push(character);
        rest = &from[length..];
    }
    out.push_str(rest);
    out
}

/// The character that an escape at the beginning of a text stands for, and how long the escape is.
fn escape(text: &str) -> Option<(char, usize)> {
    let ascii = |code: u32| char::from_u32(code).filter(char::is_ascii);
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(ascii);
    if let Some(digits) = text.strip_prefix("\\u") {
        return Some((hex(digits.get(..4)?)?, 6));
    }
    if let Some(digits) = text.strip_prefix("\\x") {
        return Some((hex(digits.get(..2)?)?, 4));
    }
    if let Some(digits) = text.strip_prefix('%') {
        return Some((hex(digits.get(..2)?)?, 3));
    }
    let name = text.get(1..text.find(';').filter(|end| *end <= 10)?)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")) {
            Some(digits) => hex(digits)?,
            None => name.strip_prefix('#')?.parse().ok().and_then(ascii)?,
        },
    };
    text.starts_with('&').then_some((character, name.len() + 2))
}

fn masked(text: &str, secrets: &[&Secret]) -> String {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let mut covered = vec![false; text.len()];
    for secret in secrets {
        let whole = secret.expose();
        let end = whole.rsplit('/').next().unwrap_or_default();
        if whole.contains("://") {
            cover(lower.as_bytes(), whole.to_ascii_lowercase().as_bytes(), whole.len(), &mut covered);
        }
        let secret = if whole.contains("://") { end } else { whole };
        if secret.len() >= SHORTEST {
            let forms = forms(secret);
            for Form { text, each } in forms.iter().chain(&nested(secret)) {
                cover(lower.as_bytes(), text.as_bytes(), PIECE * each, &mut covered);
            }
            // Twice as many letters in a row as where nothing stands between them: eight would often be a coincidence.
            cover_apart(&lower, &forms, PIECE_IN_DATA, 2 * PIECE, &mut covered);
        }
    }
    if covered.contains(&true) { mask(text, &covered) } else { text.to_owned() }
}

/// The same of a host that somebody else names: its dots and dashes may stand between the pieces of a secret, and what no
/// host can hold may be left out of one.
pub fn host_without_secrets(host: &str, secrets: &[&Secret]) -> String {
    let lower = Zeroizing::new(host.to_ascii_lowercase());
    let mut hidden = vec![false; host.len()];
    for secret in secrets {
        let whole = secret.expose();
        let end = whole.rsplit('/').next().filter(|_| whole.contains("://")).unwrap_or(whole);
        cover_apart(&lower, &forms(end), SHORTEST, PIECE, &mut hidden);
    }
    without_secrets(&mask(host, &hidden), secrets)
}

/// Marks the pieces that show once everything but letters and digits is left out, and the `0x` before a number.
fn cover_apart(lower: &str, forms: &[Form], shortest: usize, piece: usize, covered: &mut [bool]) {
    let bytes = lower.as_bytes();
    let is_bare = |at: &usize| bytes[*at].is_ascii_alphanumeric();
    let starts = |at: usize| bytes[at..].starts_with(b"0x") && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric());
    let is_prefix = |at: usize| starts(at) || at > 0 && starts(at - 1);
    let bare: Vec<usize> = (0..bytes.len()).filter(is_bare).collect();
    let unprefixed = lower.contains("0x").then(|| bare.iter().copied().filter(|at| !is_prefix(*at)).collect());
    // A secret may hold a `0x` of its own.
    for bare in [Some(bare), unprefixed].into_iter().flatten() {
        let text: Zeroizing<Vec<u8>> = Zeroizing::new(bare.iter().map(|at| bytes[*at]).collect());
        // Without what stands between their bytes, the others are one of these.
        for form in forms.iter().filter(|form| form.each < APART) {
            let is_kept = |letter: &char| letter.is_ascii_alphanumeric();
            let form: Zeroizing<String> = Zeroizing::new(form.text.chars().filter(is_kept).collect());
            if form.len() < shortest {
                continue;
            }
            for found in pieces(&text, form.as_bytes(), piece) {
                covered[bare[found.start]..=bare[found.end - 1]].fill(true);
            }
        }
    }
}

/// The text with one mask in place of each run of marked bytes.
fn mask(text: &str, covered: &[bool]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut hidden = false;
    for (at, character) in text.char_indices() {
        let is_secret = covered[at..at + character.len_utf8()].contains(&true);
        match (is_secret, hidden) {
            (true, false) => out.push_str(MASK),
            (true, true) => {}
            (false, _) => out.push(character),
        }
        hidden = is_secret;
    }
    out
}

/// The text without what addresses can hold of secrets: the user's part, and the values of a query.
pub fn without_address_secrets(text: &str) -> String {
    const SCHEME: &str = "://";
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(SCHEME) {
        let (before, after) = rest.split_at(at + SCHEME.len());
        let ends = |character: char| character.is_whitespace() || "\"'<>`\\".contains(character);
        let (address, behind) = after.split_at(after.find(ends).unwrap_or(after.len()));
        out.push_str(before);
        let (place, query) = address.split_once('?').map_or((address, None), |(place, query)| (place, Some(query)));
        let host = place.split(['/', '#']).next().unwrap_or_default();
        match host.rfind('@') {
            Some(user) => out.extend([MASK, &place[user..]]),
            None => out.push_str(place),
        }
        for (number, pair) in query.iter().flat_map(|query| query.split('&')).enumerate() {
            out.push(if number == 0 { '?' } else { '&' });
            match pair.split_once('=') {
                Some((name, _)) => out.extend([name, "=", MASK]),
                None => out.push_str(MASK),
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// What comes before a secret, as a part of a name.
const NAMES: [&str; 9] =
    ["secret", "password", "passwd", "passphrase", "token", "authorization", "bearer", "api_key", "apikey"];

/// The text without the values of names that sound like a secret: `password=…`, `"client_secret": "…"`, `Bearer …`.
pub fn without_named_secrets(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    let next = |from: usize| NAMES.iter().filter_map(|name| Some((from + lower[from..].find(name)?, *name))).min();
    let skip = |from: usize, wanted: &dyn Fn(char) -> bool| {
        text[from..].find(|character| !wanted(character)).map_or(text.len(), |length| from + length)
    };
    while let Some((begin, name)) = next(at) {
        let named = skip(begin + name.len(), &|character| character.is_ascii_alphanumeric() || character == '_');
        if let Some((value, end)) = quoted_value(text, named) {
            out.push_str(&text[at..value]);
            out.push_str(if value < end { MASK } else { "" });
            at = end;
            continue;
        }
        let value = skip(named, &|character| " \t=:\"'\\".contains(character));
        let end = skip(value, &|character| !character.is_whitespace() && !"\"',;{}[]()&\\".contains(character));
        let between = &text[named..value];
        let is_value = between.contains(['=', ':']) || (name == "bearer" && between.starts_with(' '));
        let is_plain = ["", "null", "true", "false", "bearer", "basic"].contains(&&lower[value..end]);
        if is_value && !is_plain {
            out.push_str(&text[at..value]);
            out.push_str(MASK);
            at = end;
        } else if is_value && &lower[value..end] == "basic" {
            let coded = skip(end, &|character| character == ' ');
            out.push_str(&text[at..coded]);
            out.push_str(MASK);
            at = skip(coded, &|character| !character.is_whitespace() && !"\"',".contains(character));
        } else {
            out.push_str(&text[at..named]);
            at = named;
        }
    }
    out.push_str(&text[at..]);
    out
}

/// Where the value in quotes begins and ends that follows a name: blanks, commas and brackets belong to it. Without an end
/// of its own, it is all the rest.
fn quoted_value(text: &str, named: usize) -> Option<(usize, usize)> {
    let rest = text[named..].trim_start_matches(['"', '\'', '\\', ' ', '\t']);
    let rest = rest.strip_prefix(['=', ':'])?.trim_start_matches([' ', '\t', '=', ':']);
    let before = rest.trim_start_matches('\\');
    let (slashes, quote) = (rest.len() - before.len(), before.chars().next().filter(|first| "\"'".contains(*first))?);
    let value = text.len() - before.len() + 1;
    let content = &text[value..];
    if content.starts_with(&quote.to_string().repeat(2)) {
        return Some((value, text.len()));
    }
    // A quote behind more backslashes than the first one is part of the value.
    let ends = content.match_indices(quote).find(|(at, _)| {
        let plain = content[..*at].trim_end_matches('\\').len();
        at - plain <= slashes
    });
    let end = ends.map_or(text.len(), |(at, _)| value + content[..at].trim_end_matches('\\').len());
    Some((value, end))
}

/// Looks for secrets in all that comes in, fast: what is kept, such as a client's name or the body of an event, must not hold
/// one that Halo says back.
#[derive(Clone, Default)]
pub struct Watch {
    /// Each run of eight characters of a secret's forms, sorted.
    close: Zeroizing<Vec<u64>>,
    /// Those of the forms whose bytes stand apart.
    apart: Zeroizing<Vec<u64>>,
    /// Those of the secrets without all that is no letter and no digit.
    bare: Zeroizing<Vec<u64>>,
    /// A bit for each of them; others may have one of these bits too.
    bits: Vec<u64>,
}

impl Watch {
    /// Bits: few are set, even for a dozen secrets.
    const BITS: usize = 1 << 17;

    /// A watch for these secrets. What is shorter than a piece is not looked for.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let [mut close, mut apart, mut bare] = [(); 3].map(|()| Zeroizing::new(Vec::new()));
        for secret in secrets.into_iter().filter(|secret| secret.expose().len() >= PIECE_IN_DATA) {
            for Form { text, each } in forms(secret.expose()).into_iter().chain(twice_in_base64(secret.expose())) {
                let windows = if each < APART { &mut close } else { &mut apart };
                windows.extend(eights(text.as_bytes()));
            }
            let letters = secret.expose().bytes().filter(u8::is_ascii_alphanumeric);
            let letters: Zeroizing<Vec<u8>> = Zeroizing::new(letters.collect());
            bare.extend(eights(&letters));
        }
        for windows in [&mut close, &mut apart, &mut bare] {
            windows.sort_unstable();
            windows.dedup();
        }
        let mut bits = vec![0; if close.is_empty() { 0 } else { Self::BITS / 64 }];
        for slot in
            [&close, &apart, &bare].into_iter().flat_map(|windows| windows.iter()).map(|window| Self::slot(*window))
        {
            bits[slot / 64] |= 1 << (slot % 64);
        }
        Self { close, apart, bare, bits }
    }

    /// The JSON with a mask in place of each piece of a secret; as it came where it holds none.
    pub fn clean(&self, json: Vec<u8>) -> Vec<u8> {
        self.clean_but_addresses(json, &[])
    }

    /// The same, but for the tokens that members called `url` end in: such an address is one of ours, and is compared with
    /// what was written. Anywhere else, a token is masked like any secret.
    pub fn clean_but_addresses(&self, json: Vec<u8>, tokens: &[Secret]) -> Vec<u8> {
        let masked = self.masked(&without_escapes(&json), tokens);
        masked.map_or(json, String::into_bytes)
    }

    /// The same for a text that was read out of its JSON already: where little of a large reply is kept, what is kept.
    pub fn clean_text(&self, text: String) -> String {
        if text.len() < PIECE_IN_DATA || self.bits.is_empty() {
            return text;
        }
        // As a browser would show it, where that shows a secret.
        let read = text.contains('&').then(|| as_read(&text)).and_then(|read| self.masked(read.as_bytes(), &[]));
        read.or_else(|| self.masked(text.as_bytes(), &[])).unwrap_or(text)
    }

    fn masked(&self, plain: &[u8], tokens: &[Secret]) -> Option<String> {
        if !self.may_hold(plain) && self.scattered(plain).is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(plain);
        let mut covered = vec![false; text.len()];
        for found in self.scattered(text.as_bytes()) {
            covered[found].fill(true);
        }
        for (end, length) in self.pieces(text.as_bytes()) {
            covered[end - length..end].fill(true);
        }
        for own in if tokens.is_empty() { Vec::new() } else { addresses::ends(text.as_bytes(), tokens) } {
            covered[own].fill(false);
        }
        covered.contains(&true).then(|| mask(&text, &covered))
    }

    /// Whether there is a piece of a secret: fast, as this runs over all that Halo says.
    fn may_hold(&self, text: &[u8]) -> bool {
        if self.bits.is_empty() {
            return false;
        }
        // A piece has more than eight runs of eight characters: one of them begins at a multiple of eight.
        let (steps, _) = text.as_chunks::<8>();
        steps.iter().enumerate().any(|(step, run)| {
            let at = step * 8;
            let around = &text[at.saturating_sub(PIECE_APART - 8)..text.len().min(at + PIECE_APART)];
            self.knows(lower(u64::from_be_bytes(*run))) != [false; 2] && self.pieces(around).next().is_some()
        })
    }

    /// The pieces that show once everything but letters and digits is left out.
    fn scattered(&self, text: &[u8]) -> Vec<Range<usize>> {
        if self.bits.is_empty() {
            return Vec::new();
        }
        let letters = || text.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
        let mut found = match self.may_hold_in_a_row(letters().map(|(_, byte)| *byte)) {
            true => self.in_a_row(letters().map(|(at, byte)| (at..at + 1, *byte))),
            false => Vec::new(),
        };
        // Most of what Halo says holds none of these, and is looked through once.
        let is_written_otherwise = Reading::BEGINS.iter().any(|begin| text.contains(begin));
        if is_written_otherwise && self.may_hold_in_a_row(Reading::of(text).map(|(_, byte)| byte)) {
            found.extend(self.in_a_row(Reading::of(text)));
        }
        found
    }

    /// Whether there is a piece in a row of letters. As above: one run of eight of a piece ends at a multiple of eight.
    fn may_hold_in_a_row(&self, letters: impl Iterator<Item = u8>) -> bool {
        let mut window = 0;
        letters.zip(1_u64..).any(|(byte, count)| {
            window = slide(window, byte);
            count % 8 == 0 && self.is_bare(window)
        })
    }

    /// The pieces in a row of letters, each with its place. No more of the row is kept than a piece.
    fn in_a_row(&self, letters: impl Iterator<Item = (Range<usize>, u8)>) -> Vec<Range<usize>> {
        let (mut window, mut run, mut starts) = (0, 0, [0; PIECE_IN_DATA]);
        let ends = letters.enumerate().filter_map(|(count, (place, byte))| {
            window = slide(window, byte);
            starts[count % PIECE_IN_DATA] = place.start;
            run = if self.is_bare(window) { run + 1 } else { 0 };
            (run > PIECE_IN_DATA - 8).then(|| starts[(count + 1) % PIECE_IN_DATA]..place.end)
        });
        ends.collect()
    }

    /// Whether it is of a secret without all that is no letter and no digit.
    fn is_bare(&self, window: u64) -> bool {
        self.may_know(window) && self.bare.binary_search(&window).is_ok()
    }

    /// Where a piece of a secret ends, and how long it is. Each step costs the same whatever the text is.
    fn pieces<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let (mut window, mut runs) = (0, [0; 2]);
        text.iter().enumerate().filter_map(move |(at, byte)| {
            window = slide(window, *byte);
            let known = self.knows(window);
            runs = std::array::from_fn(|kind| if known[kind] { runs[kind] + 1 } else { 0 });
            let mut ends = runs.into_iter().zip([PIECE_IN_DATA, PIECE_APART]);
            ends.find(|(run, piece)| *run > piece - 8).map(|(_, piece)| (at + 1, piece))
        })
    }

    /// Whether it is of a form, and whether of one whose bytes stand apart.
    fn knows(&self, window: u64) -> [bool; 2] {
        if !self.may_know(window) {
            return [false; 2];
        }
        // A bit alone would not do: eight letters that are the same follow on themselves, for megabytes.
        [&self.close, &self.apart].map(|windows| windows.binary_search(&window).is_ok())
    }

    /// Whether its bit is set.
    fn may_know(&self, window: u64) -> bool {
        let slot = Self::slot(window);
        self.bits[slot / 64] >> (slot % 64) & 1 != 0
    }

    /// The upper bits of a product are as good as any.
    fn slot(window: u64) -> usize {
        (window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 47) as usize
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({} windows)", self.close.len() + self.apart.len())
    }
}

/// Eight characters at once, capitals as small letters: what eight times [`slide`] gives.
fn lower(eight: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Without the top bit of a byte, no sum runs over into the next one.
    let plain = eight & (0x7f * EACH);
    let from_a = plain + (0x80 - u64::from(b'A')) * EACH;
    let above_z = plain + (0x7f - u64::from(b'Z')) * EACH;
    let capitals = (from_a ^ above_z) & !eight & (0x80 * EACH);
    eight | capitals >> 2
}

/// Each run of eight characters.
fn eights(text: &[u8]) -> impl Iterator<Item = u64> {
    text.windows(8).map(|eight| eight.iter().fold(0, |run, byte| slide(run, *byte)))
}

/// The last eight characters, with one more; capitals count as small letters.
fn slide(window: u64, byte: u8) -> u64 {
    window << 8 | u64::from(byte.to_ascii_lowercase())
}

/// Marks every piece of the form that is in the text.
fn cover(text: &[u8], form: &[u8], piece: usize, covered: &mut [bool]) {
    for found in pieces(text, form, piece) {
        covered[found].fill(true);
    }
}

/// Where pieces of the form are in the text.
fn pieces(text: &[u8], form: &[u8], piece: usize) -> Vec<Range<usize>> {
    let piece = piece.min(form.len()).max(1);
    let known: HashSet<&[u8]> = form.windows(piece).collect();
    // Most windows begin as no piece does: this is asked many million times for a long text.
    let mut begins = [false; 256];
    known.iter().for_each(|window| begins[usize::from(window[0])] = true);
    let mut second = [false; 256];
    known.iter().filter_map(|window| window.get(1)).for_each(|byte| second[usize::from(*byte)] = true);
    let may_be =
        |window: &[u8]| begins[usize::from(window[0])] && window.get(1).is_none_or(|byte| second[usize::from(*byte)]);
    let found = text.windows(piece).enumerate().filter(|(_, window)| may_be(window) && known.contains(window));
    found.map(|(at, _)| at..at + piece).collect()
}

/// The text in base32, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = bytes.len() * 8;
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let letter = |from: usize| (from..from + 5).fold(0, |value, at| value << 1 | bit(at));
    (0..bits).step_by(5).map(|from| char::from(LETTERS[usize::from(letter(from))])).collect()
}

/// A way to write a secret.
struct Form {
    text: Zeroizing<String>,
    /// How many of its characters count as one: a piece is so many times as long.
    each: usize,
}

impl Form {
    /// One in small letters, of which so many count as one.
    fn new(text: String, each: usize) -> Self {
        let text = Zeroizing::new(text);
        Self { text: Zeroizing::new(text.to_ascii_lowercase()), each }
    }
}

/// Forms of a form: whatever base64 can be written in, whatever stands before either. Too many for a [`Watch`].
fn nested(secret: &str) -> Vec<Form> {
    in_base64(secret).iter().flat_map(|inner| forms(inner)).collect()
}

/// Base64 of base64 alone, whatever stands before either.
fn twice_in_base64(secret: &str) -> Vec<Form> {
    let outer = in_base64(secret).into_iter().flat_map(|inner| in_base64(&inner));
    outer.map(|form| Form::new(form, 1)).filter(|form| form.text.len() >= PIECE_IN_DATA).collect()
}

/// A text in base64, each way once. Its end depends on what follows.
fn in_base64(text: &str) -> Vec<String> {
    let mut ways = base64s(text.as_bytes());
    ways.sort_unstable();
    ways.dedup();
    ways.iter_mut().for_each(|way| way.truncate(way.len().saturating_sub(2)));
    ways
}

/// How a secret can be written.
fn forms(secret: &str) -> Vec<Form> {
    let bytes = secret.as_bytes();
    let of_each = |before: &str, between: &str| {
        let bytes: Vec<String> = bytes.iter().map(|byte| format!("{before}{}", hex(&[*byte]))).collect();
        bytes.join(between)
    };
    let mut forms = vec![
        Form::new(secret.to_owned(), 1),
        Form::new(url::form_urlencoded::byte_serialize(bytes).collect(), 1),
        Form::new(hex(bytes), 1),
        Form::new(of_each("%", ""), APART),
    ];
    forms.extend([" ", ":", "-", ","].map(|between| Form::new(of_each("", between), APART)));
    // As numbers, which take up to three digits each and what stands between them.
    let numbers = |between: &str| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(between);
    forms.extend([",", ", ", " "].map(|between| Form::new(numbers(between), APART + between.len())));
    // As Windows keeps text: two bytes a letter, the second of them nothing.
    let wide = Zeroizing::new(secret.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    forms.push(Form::new(hex(&wide), 4));
    forms.extend(base64s(&wide).into_iter().map(|form| Form::new(form, APART)));
    // What stands before it shifts its bits, as below.
    for before in 0..5 {
        let mut shifted = Zeroizing::new(vec![0; before]);
        shifted.extend_from_slice(bytes);
        let encoded = base32(&shifted);
        let until = encoded.len() - usize::from(shifted.len() % 5 != 0);
        forms.push(Form::new(encoded.get((before * 8).div_ceil(5)..until).unwrap_or_default().to_owned(), 1));
    }
    forms.extend(base64s(bytes).into_iter().map(|form| Form::new(form, 1)));
    forms.retain(|form| form.text.len() >= SHORTEST);
    forms
}

/// What is in base64, in either alphabet, of these bytes whatever stands before them: that shifts their bits. The first and
/// the last character hold neighbours too, and are left out.
fn base64s(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for before in 0..3 {
        let mut shifted = Zeroizing::new(vec![0; before]);
        shifted.extend_from_slice(bytes);
        let skip = (before * 4).div_ceil(3);
        for encoded in [STANDARD_NO_PAD.encode(&*shifted), URL_SAFE_NO_PAD.encode(&*shifted)] {
            let until = if shifted.len() % 3 == 0 { encoded.len() } else { encoded.len() - 1 };
            found.push(encoded.get(skip..until).unwrap_or_default().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "xTb7-Qk_93jd8Lw0aZ4nM1vRy2GsHc6EuPo5iWfKqDt";

    fn told(text: &str) -> String {
        without_secrets(text, &[&Secret::new(TOKEN)])
    }

    #[test]
    fn secret_is_hidden_in_every_form() {
        let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for form in [TOKEN.to_owned(), TOKEN.to_uppercase(), hex.clone(), hex.to_uppercase(), percent] {
            assert_eq!(told(&format!("no {form} here")), "no [secret] here", "{form}");
        }
        let between = |mark: &str| TOKEN.chars().map(|letter| format!("{letter}{mark}")).collect::<String>();
        let each = |form: fn(char) -> String| TOKEN.chars().map(form).collect::<String>();
        let wide = |letter: char| char::from_u32(letter as u32 + 0xfee0).unwrap_or(letter).to_string();
        for form in [
            between("\u{200b}"),
            between("\u{ad}"),
            each(|letter| format!("&#{};", letter as u32)),
            each(|letter| format!("&#x{:x};", letter as u32)),
            each(|letter| format!("\\u{:04x}", letter as u32)),
            each(|letter| format!("%25{:02X}", letter as u32)),
            each(wide),
        ] {
            assert_eq!(told(&format!("no {form} here")), "no [secret] here", "{form}");
        }
        let bytes = |bytes: &[u8], before: &str, mark: &str| {
            bytes.iter().map(|byte| format!("{before}{byte:02X}")).collect::<Vec<_>>().join(mark)
        };
        for mark in [" ", ":", "-", ",", ", ", "\n", "_"] {
            let apart = bytes(TOKEN.as_bytes(), "", mark);
            assert_eq!(told(&format!("no {apart} here")), "no [secret] here", "{mark:?}");
            let apart = bytes(TOKEN.as_bytes(), "0x", mark);
            assert_eq!(told(&format!("no {apart} here")).replace("0x[", "["), "no [secret] here", "{mark:?}");
        }
        assert_eq!(told(&format!("no {} here", bytes(TOKEN.as_bytes(), "\\x", ""))), "no [secret] here");
        for mark in [",", ", ", " "] {
            let numbers = TOKEN.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(mark);
            assert_eq!(told(&format!("no {numbers} here")), "no [secret] here", "{mark:?}");
            let kept = Watch::new([Secret::new(TOKEN)]).clean_text(format!("no {numbers} here"));
            assert_eq!(kept, "no [secret] here", "{mark:?}");
        }
        for letters in [between(" "), between("','"), between("\0")] {
            let left = told(&letters);
            assert!(left.contains("[secret]") && left.len() < 20, "{left}");
        }
        for wide in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let wide: Vec<u8> = TOKEN.encode_utf16().flat_map(wide).collect();
            for form in [bytes(&wide, "", ""), STANDARD.encode(&wide), String::from_utf8(wide.clone()).unwrap()] {
                let left = told(&form);
                assert!(left.contains("[secret]") && left.len() < 24, "{left}");
            }
        }
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        for before in ["", "p", "pi", "pia", "pia:", "pia: "] {
            let left = told(&base32(format!("{before}{TOKEN}").as_bytes()));
            assert!(left.contains("[secret]") && left.len() < 8 + before.len() * 2 + 8, "{left}");
        }
        for (inner, outer) in [("", ""), ("p", ""), ("pi", "a"), ("pia:", "ab"), ("pia: ", "abc")] {
            let twice = STANDARD.encode(format!("{outer}{}", STANDARD.encode(format!("{inner}{TOKEN}"))));
            let left = told(&twice).replace("[secret]", "");
            let before = (inner.len() * 4).div_ceil(3) + outer.len();
            assert!(left.len() <= (before * 4).div_ceil(3) + 12, "{inner:?} {outer:?}: {left}");
        }
        for before in ["", "p", "pi", "pia:", "https://pia.example/callbacks/acme/"] {
            for after in ["", "x", "/y?"] {
                for encoded in [
                    STANDARD.encode(format!("{before}{TOKEN}{after}")),
                    URL_SAFE.encode(format!("{before}{TOKEN}{after}")),
                ] {
                    let told = told(&encoded);
                    let left: String = told.split("[secret]").collect();
                    assert!(
                        told.contains("[secret]") && left.len() <= encoded.len() - STANDARD.encode(TOKEN).len() + 8,
                        "{told}"
                    );
                }
            }
        }
    }

    /// Halo writes one GUID in several ways.
    #[test]
    fn kept_data_holds_no_secret_in_another_spelling() {
        const SECRET: &str = "0f8fad5b-d9cb-469f-a165-70867728950e-7c9e6679-7425-40de-944b-e07fc1f90ae7";
        let watch = Watch::new([Secret::new(SECRET)]);
        let between = |mark: &str| SECRET.chars().map(|letter| format!("{letter}{mark}")).collect::<String>();
        let lines: Vec<&str> = SECRET.as_bytes().chunks(9).map(|nine| std::str::from_utf8(nine).unwrap()).collect();
        let entities: String = SECRET.chars().map(|letter| format!("&#{};", letter as u32)).collect();
        for form in [
            SECRET.replace('-', ""),
            SECRET.replace('-', "\u{2011}"),
            SECRET.replace('-', " \u{2013} "),
            between(" "),
            between("\u{336}"),
            lines.join("\n"),
            entities,
        ] {
            let kept = watch.clean_text(format!("Acme {form} Ltd"));
            let left: String = kept.replace("[secret]", "");
            assert!(kept.contains("[secret]") && left.len() < 20, "{kept}");
        }
        for name in ["Acme & Sons", "R&D 0f8fad5b Ltd of the whole world", "Łódź – 0123456789 – Zażółć gęślą jaźń"]
        {
            assert_eq!(watch.clean_text(name.to_owned()), name);
        }
    }

    /// What a reader drops or resolves between two letters hides none of them.
    #[test]
    fn kept_data_holds_no_secret_behind_escapes_and_marks() {
        const SECRET: &str = "0f8fad5b-d9cb-469f-a165-70867728950e-7c9e6679-7425-40de-944b-e07fc1f90ae7";
        let watch = Watch::new([Secret::new(SECRET)]);
        let between = |mark: &str, each: usize| {
            let groups: Vec<&str> =
                SECRET.as_bytes().chunks(each).map(|group| std::str::from_utf8(group).unwrap()).collect();
            groups.join(mark)
        };
        let each = |form: &dyn Fn(char) -> String| SECRET.chars().map(form).collect::<String>();
        let wide = |letter: char| char::from_u32(letter as u32 + 0xfee0).unwrap();
        let forms = [
            between(r"\n", 4),
            between(r"\r\n", 1),
            between(r"\u200b", 1),
            between(r"\u00ad", 3),
            between(r"\u034f", 1),
            between("<wbr>", 4),
            between("</b><b>", 4),
            between("&shy;", 4),
            between("=\r\n", 20),
            each(&|letter| wide(letter).to_string()),
            each(&|letter| format!("\\u{:04x}", wide(letter) as u32)),
            each(&|letter| format!("={:02X}", letter as u32)),
            each(&|letter| format!("%25{:02X}", letter as u32)),
            each(&|letter| format!("&#x{:x};", letter as u32)),
        ];
        for form in forms {
            for kept in [
                watch.clean_text(format!("Acme {form} Ltd")),
                String::from_utf8(watch.clean(format!(r#"{{"name":"Acme {form} Ltd"}}"#).into_bytes())).unwrap(),
            ] {
                let left = kept.replace("[secret]", "");
                assert!(kept.contains("[secret]") && left.len() < 34, "{form}: {kept}");
            }
        }
        for name in ["Acme <b>Ltd</b> & Sons = 100 %", r"C:\new\unit 0f8fad5b &amp; 70867728", "％％％ < 3"] {
            assert_eq!(watch.clean_text(name.to_owned()), name);
        }
    }

    #[test]
    fn names_that_share_letters_with_secret_are_left_alone() {
        let watch = Watch::new([Secret::new("correct-test-battery-staple")]);
        let wide: Vec<u8> = "the battery is here".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for text in
            ["blob 0x7400650073007400 end".to_owned(), STANDARD.encode(&wide), "0x1f, 0x2e, 0x3d, 0x4c".to_owned()]
        {
            assert_eq!(watch.clean_text(text.clone()), text);
        }
    }

    #[test]
    fn addresses_keep_no_user_and_no_value_of_query() {
        for (text, told) in [
            ("via http://ada:pw@proxy:3128/ and", "via http://[secret]@proxy:3128/ and"),
            ("\"https://a.example/x?code=pw&b=1\" ok", "\"https://a.example/x?code=[secret]&b=[secret]\" ok"),
            ("https://a.example/?pw", "https://a.example/?[secret]"),
            ("https://a.example/@x", "https://a.example/@x"),
            ("no address at all", "no address at all"),
        ] {
            assert_eq!(without_address_secrets(text), told);
        }
    }

    #[test]
    fn values_of_names_that_sound_secret_are_hidden() {
        for (text, told) in [
            ("password=pw ok", "password=[secret] ok"),
            ("{\"client_secret\": \"pw\", \"id\": \"token\"}", "{\"client_secret\": \"[secret]\", \"id\": \"token\"}"),
            ("Authorization: Bearer pw", "Authorization: Bearer [secret]"),
            ("authorization: Basic cGlhOnB3, x", "authorization: Basic [secret], x"),
            ("PIA_HALO_CLIENT_SECRET=pw", "PIA_HALO_CLIENT_SECRET=[secret]"),
            ("\"token\": null, \"secrets\": {", "\"token\": null, \"secrets\": {"),
            ("the token is refused", "the token is refused"),
            ("ü token: ü", "ü token: [secret]"),
            ("password=\"two words, (and) more\" ok", "password=\"[secret]\" ok"),
            ("password = 'it is' and token: \"\" ok", "password = '[secret]' and token: \"\" ok"),
            ("{\"password\": \"a \\\" b\", \"id\": 1}", "{\"password\": \"[secret]\", \"id\": 1}"),
            (
                "body: \"{\\\"secret\\\": \\\"a b\\\", \\\"x\\\": 1}\"",
                "body: \"{\\\"secret\\\": \\\"[secret]\\\", \\\"x\\\": 1}\"",
            ),
            ("passphrase: \"no end of it", "passphrase: \"[secret]"),
            ("secret = \"\"\"all of it", "secret = \"[secret]"),
        ] {
            assert_eq!(without_named_secrets(text), told);
        }
    }

    #[test]
    fn host_shows_no_secret_however_its_dots_cut_it() {
        const SECRET: &str = "0f8fad5b-d9cb-469f-a165-70867728950e-7c9e6679-7425-40de-944b-e07fc1f90ae7";
        let address = Secret::new(format!("https://pia.example/callbacks/acme/ticket-created/{TOKEN}"));
        let told = |host: &str| host_without_secrets(host, &[&Secret::new(SECRET), &address]);
        let cut = |text: &str, size: usize, mark: &str| {
            text.as_bytes().chunks(size).map(|part| std::str::from_utf8(part).unwrap()).collect::<Vec<_>>().join(mark)
        };
        for secret in [SECRET, TOKEN, &SECRET.to_uppercase(), &SECRET.replace('-', ""), &hex(TOKEN.as_bytes())] {
            for mark in [".", "-"] {
                for size in [1, 7, 8, 36] {
                    let host = format!("{}.evil.example:8443", cut(secret, size, mark));
                    assert_eq!(told(&host), "[secret].evil.example:8443", "{host}");
                    assert_eq!(told(&host.to_lowercase()), "[secret].evil.example:8443", "{host}");
                }
            }
        }
        let own = Secret::new("abcdefg0xhijklmn");
        let told_own = host_without_secrets("abc.defg.0xhi.jkl.mn.evil.example", &[&own]);
        assert_eq!(told_own, "[secret].evil.example");
        for host in ["auth.halopsa.com", "pia.example:8443", "127.0.0.1:8478", "acme.callbacks.example", ""] {
            assert_eq!(told(host), host);
        }
    }

    #[test]
    fn halves_of_secret_are_hidden() {
        let (a, b) = TOKEN.split_at(20);
        assert_eq!(told(&format!("{a} and\n{b}")), "[secret] and\n[secret]");
        assert_eq!(told(&TOKEN[12..24]), "[secret]");
    }

    /// Three bytes in a row, as in a date, are a coincidence however they are written.
    #[test]
    fn few_bytes_of_secret_are_no_piece_in_any_form() {
        let few = &TOKEN.as_bytes()[4..7];
        for mark in ["-", ":", " ", "%"] {
            let text = few.iter().map(|byte| hex(&[*byte])).collect::<Vec<_>>().join(mark);
            assert_eq!(told(&format!("on {text} at")), format!("on {text} at"));
        }
        let spaced = Secret::new("a secret: of words");
        assert_eq!(without_secrets("no secret: of here", &[&spaced]), "no[secret]here");
    }

    #[test]
    fn other_words_stay() {
        let text = "Please enter a valid URL: https://pia.example/callbacks/acme/ticket-created/";
        assert_eq!(told(text), text);
        let address = Secret::new(format!("{text}{TOKEN}"));
        assert_eq!(without_secrets(text, &[&address]), text);
        assert_eq!(without_secrets("a ü b", &[&Secret::new("abc")]), "a ü b");
        assert_eq!(without_secrets("", &[&Secret::new(TOKEN)]), "");
    }

    #[test]
    fn watch_masks_secret_in_names_however_it_is_written() {
        let watch = Watch::new([Secret::new("short"), Secret::new(TOKEN)]);
        let clean = |json: &str| String::from_utf8(watch.clean(json.as_bytes().to_vec())).unwrap();
        let escaped: String = TOKEN.bytes().map(|byte| format!("\\u{byte:04X}")).collect();
        let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02X}")).collect();
        for form in [TOKEN.to_owned(), TOKEN.to_uppercase(), escaped, hex, TOKEN[5..30].to_owned()] {
            assert_eq!(clean(&format!(r#"[{{"name":"a {form} b"}}]"#)), r#"[{"name":"a [secret] b"}]"#, "{form}");
        }
        for before in 0..24 {
            let text = |piece| format!(r#"{{"x":"{}{piece}"}}"#, "a".repeat(before));
            assert_eq!(clean(&text(&TOKEN[20..36])), text("[secret]"), "behind {before} characters");
        }
        // A piece of a form is as long as of what it takes for a byte: a few bytes with dashes are a date or a number.
        let apart = |mark: &str| TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(mark);
        for mark in [" ", ":", "-", "%"] {
            let all = apart(mark);
            let few = &all[30..70];
            let text = |middle: &str| format!(r#"{{"name":"on {middle} at"}}"#);
            assert_eq!(clean(&text(few)), text(few));
            let left = clean(&text(&all));
            assert!(left.contains("[secret]") && left.len() < text("[secret]").len() + 4, "{left}");
        }
        for (inner, outer) in [("", ""), ("p", ""), ("pi", "a"), ("pia:", "ab"), ("pia: ", "abc")] {
            let twice = STANDARD.encode(format!("{outer}{}", STANDARD.encode(format!("{inner}{TOKEN}"))));
            let left = clean(&format!(r#"{{"x":"{twice}"}}"#)).replace("[secret]", "");
            let before = (inner.len() * 4).div_ceil(3) + outer.len();
            assert!(left.len() <= 8 + (before * 4).div_ceil(3) + 14, "{inner:?} {outer:?}: {left}");
        }
        let encoded = STANDARD.encode(format!("pia:{TOKEN}"));
        assert!(!clean(&format!("{{\"name\":\"{encoded}\"}}")).contains(&encoded[8..40]));
        for kept in [
            r#"{"name":"short \u0041\/ \\u0041 xTb7-Qk_93jd8L","a":1}"#,
            r#"{"url":"https://pia.example/callbacks/acme/ticket-created/"}"#,
            "\\",
            "\\u00",
            "",
        ] {
            assert_eq!(clean(kept), kept);
        }
        assert_eq!(Watch::default().clean(TOKEN.into()), TOKEN.as_bytes());
    }

    /// An address of ours goes through as it is, and only there: not as a name, not in front of something, not of a secret
    /// that is no token.
    #[test]
    fn token_is_let_through_at_end_of_address_alone() {
        let other = "3a2088ac-07cb-4d3f-9f5e-cb23a2088ac0";
        let watch = Watch::new([Secret::new(TOKEN), Secret::new(other)]);
        let clean = |json: &str| {
            String::from_utf8(watch.clean_but_addresses(json.as_bytes().to_vec(), &[Secret::new(TOKEN)])).unwrap()
        };
        for kept in [
            format!(r#"[{{"name":"a","url" : "https://pia.example/x/{TOKEN}","id":"url"}}]"#),
            format!(r#"{{"a":"\\","url":"https:\/\/pia.example\/{TOKEN}"}}"#),
        ] {
            assert_eq!(clean(&kept), kept);
        }
        for (json, masked) in [
            (format!(r#"{{"name":"{TOKEN}"}}"#), r#"{"name":"[secret]"}"#),
            (format!(r#"{{"name":"url","x":"/{TOKEN}"}}"#), r#"{"name":"url","x":"/[secret]"}"#),
            (format!(r#"{{"x":"\"url\":\"/{TOKEN}"}}"#), r#"{"x":"\"url\":\"/[secret]"}"#),
            (format!(r#"{{"url":[],"x":"/{TOKEN}"}}"#), r#"{"url":[],"x":"/[secret]"}"#),
            (format!(r#"{{"url":"/{TOKEN}/x"}}"#), r#"{"url":"/[secret]/x"}"#),
            (format!(r#"{{"url":"/x{TOKEN}"}}"#), r#"{"url":"/x[secret]"}"#),
            (format!(r#"{{"url":"https://{other}.example/{TOKEN}"#), r#"{"url":"https://[secret].example/[secret]"#),
            (format!(r#"{{"url":"https://x/{other}"}}"#), r#"{"url":"https://x/[secret]"}"#),
            (
                format!(r#"{{"url":"/a/{TOKEN}","name":"{other}"}}"#),
                &*format!(r#"{{"url":"/a/{TOKEN}","name":"[secret]"}}"#),
            ),
        ] {
            assert_eq!(clean(&json), masked);
        }
    }

    #[test]
    fn watch_passes_over_megabytes_of_other_text() {
        let watch = Watch::new((0..8).map(|number| Secret::new(format!("{number}{TOKEN}"))));
        let mut random = 1_u64;
        let text: Vec<u8> = std::iter::repeat_with(|| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b"abcdefghijklmnopqrstuvwxyz0123456789-_\" ,:"[(random >> 33) as usize % 42]
        })
        .take(1 << 20)
        .collect();
        assert_eq!(watch.pieces(&text).next(), None, "eight secrets set so few bits that nothing else looks like one");
    }

    #[test]
    fn text_of_one_letter_is_never_taken_for_secret() {
        // As where the bit of a window of the secret is also the one of that letter eight times.
        let mut watch = Watch::new([Secret::new(TOKEN)]);
        watch.bits.fill(u64::MAX);
        for letter in *b"a0=/ " {
            assert_eq!(watch.pieces(&[letter; 1024]).next(), None, "{}", char::from(letter));
        }
    }

    proptest! {
        #[test]
        fn eight_bytes_are_lowered_as_one_by_one(bytes: [u8; 8]) {
            prop_assert_eq!(lower(u64::from_be_bytes(bytes)), bytes.iter().fold(0, |run, byte| slide(run, *byte)));
        }

        #[test]
        fn no_body_keeps_secret_of_watch(before in ".{0,20}", after in ".{0,20}", secret in "[A-Za-z0-9_-]{16,80}") {
            let json = serde_json::to_vec(&serde_json::json!({ "name": format!("{before}{secret}{after}") })).unwrap();
            let clean = Watch::new([Secret::new(secret.as_str())]).clean(json);
            prop_assert!(!String::from_utf8_lossy(&clean).contains(&secret));
        }

        #[test]
        fn no_text_keeps_secret_of_watch(before in ".{0,20}", after in ".{0,20}", secret in "[A-Za-z0-9_-]{16,80}") {
            let clean = Watch::new([Secret::new(secret.as_str())]).clean_text(format!("{before}{secret}{after}"));
            prop_assert!(!clean.contains(&secret));
        }

        #[test]
        fn no_text_around_secret_keeps_it(before in ".{0,20}", after in ".{0,20}", secret in "[!-~]{12,40}") {
            let told = without_secrets(&format!("{before}{secret}{after}"), &[&Secret::new(secret.as_str())]);
            prop_assert!(!told.contains(&secret));
        }
    }
}
