//! The search for clients, for the pane, plain mode and the command alike: what each key looks at, and how good what it finds
//! is.

use std::collections::HashMap;
use std::ops::Range;

use nucleo_matcher::chars::{normalize, to_lower_case};
use nucleo_matcher::{Config, Matcher, Utf32Str, Utf32String};
use unicode_segmentation::UnicodeSegmentation;

use super::client::{Client, fold};

/// Folded texts, one after the other.
#[derive(Default)]
struct Texts {
    all: String,
    ends: Vec<usize>,
    /// The letters of each: one that has not all those of a word is passed over without a look at it.
    letters: Vec<u64>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
        self.letters.push(letters(text));
    }

    fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..self.ends[at]]
    }

    fn has(&self, at: usize, word: &Word) -> bool {
        let letters = self.letters[at];
        word.letters & !letters == 0 && (word.told && letters & WIDE == 0 || self.get(at).contains(word.text))
    }

    /// Of sorted texts: the first that does not come before something, as `before` says.
    fn first(&self, before: impl Fn(&str) -> bool) -> usize {
        let (mut first, mut end) = (0, self.ends.len());
        while first < end {
            let middle = first.midpoint(end);
            if before(self.get(middle)) { first = middle + 1 } else { end = middle }
        }
        first
    }
}

/// What is searched of a list that stands by folded name. Each thing is in an array of its own: a key looks at up to a
/// hundred thousand rows, and at little of each.
#[derive(Default)]
pub struct Index {
    ids: Vec<i64>,
    names: Texts,
    /// The names as the fuzzy search wants them, where they are not that already.
    wide: Vec<Option<Utf32String>>,
    /// Main site and top level. Many clients share them, so each is here once, and each row says which is its own.
    places: Texts,
    place: Vec<u32>,
}

impl Index {
    /// Of clients with their folded names, in the order of these.
    pub fn new<'a>(rows: impl Iterator<Item = (&'a str, &'a Client)>) -> Self {
        let mut index = Self::default();
        let mut known: HashMap<String, u32> = HashMap::new();
        for (name, client) in rows {
            index.ids.push(client.id);
            index.names.push(name);
            index.wide.push((!name.is_ascii()).then(|| Utf32String::from(name)));
            let next = known.len() as u32;
            let place = known.entry(place(client)).or_insert_with_key(|place| {
                index.places.push(place);
                next
            });
            index.place.push(*place);
        }
        index
    }

    /// The rows with this name, and those whose name begins with it and goes on.
    fn beginning(&self, name: &str) -> (Range<usize>, Range<usize>) {
        let first = self.names.first(|other| other < name);
        let longer = self.names.first(|other| other <= name);
        let end = self.names.first(|other| other < name || other.starts_with(name));
        (first..longer, longer..end)
    }

    fn haystack(&self, row: usize) -> Utf32Str<'_> {
        self.wide[row].as_ref().map_or_else(|| Utf32Str::Ascii(self.names.get(row).as_bytes()), |wide| wide.slice(..))
    }
}

fn place(client: &Client) -> String {
    let mut place = String::new();
    for part in [&client.main_site, &client.toplevel].into_iter().flatten() {
        if !place.is_empty() {
            place.push('\n');
        }
        place.push_str(&fold(part.raw()));
    }
    place
}

/// A text that is not all ASCII.
const WIDE: u64 = 1 << 63;

/// A bit for each letter and digit, and shared ones for the rest of ASCII.
fn letter(character: char) -> u64 {
    match character {
        'a'..='z' => 1 << (character as u32 - 'a' as u32),
        '0'..='9' => 1 << (26 + character as u32 - '0' as u32),
        _ if character.is_ascii() => 1 << (36 + character as u32 % 27),
        _ => 0,
    }
}

/// What the fuzzy search takes a letter for: an `ø` for an `o`. In names it sees to that, in words it does not.
fn taken_for(character: char) -> char {
    to_lower_case(normalize(character))
}

/// Which letters a folded text has, those included that the fuzzy search takes others for.
fn letters(text: &str) -> u64 {
    text.chars().fold(0, |all, character| {
        all | if character.is_ascii() { letter(character) } else { WIDE | letter(taken_for(character)) }
    })
}

/// A word that is searched for.
struct Word<'a> {
    text: &'a str,
    needle: Utf32String,
    /// The letters that a text must have for it: what is not ASCII asks for none.
    letters: u64,
    /// It is a letter with a bit of its own, which tells whether an ASCII text has it.
    told: bool,
    /// Whether it stands in each place, as far as that was looked up.
    places: Vec<Option<bool>>,
}

impl<'a> Word<'a> {
    fn new(text: &'a str, index: &Index) -> Self {
        Self {
            text,
            needle: text.chars().map(taken_for).collect::<String>().into(),
            letters: text.chars().fold(0, |all, character| all | letter(character)),
            told: matches!(text.as_bytes(), [b'a'..=b'z' | b'0'..=b'9']),
            places: vec![None; index.places.ends.len()],
        }
    }

    fn is_in_place(&mut self, index: &Index, row: usize) -> bool {
        let place = index.place[row] as usize;
        self.places[place].unwrap_or_else(|| {
            let has = index.places.has(place, self);
            self.places[place] = Some(has);
            has
        })
    }
}

/// How well a row matches: the better, the smaller.
enum Match {
    /// The whole name or the id; its beginning; all words in the name; all in the name, the site and the top level.
    Class(usize),
    /// The letters in their order, with a score.
    Guess(u32),
}

const CLASSES: usize = 4;

/// A search line, taken apart once.
pub struct Search<'a> {
    index: &'a Index,
    words: Vec<Word<'a>>,
    /// The letters that all words together ask for.
    letters: u64,
    /// It is a number, and as an id this one.
    number: Option<Option<i64>>,
    /// The rows whose name it is.
    whole: Range<usize>,
    /// The rows whose name begins with it and goes on.
    begun: Range<usize>,
    matcher: Matcher,
}

impl<'a> Search<'a> {
    /// For a folded line.
    pub fn new(index: &'a Index, query: &'a str) -> Self {
        let words: Vec<Word> = query.split_whitespace().map(|word| Word::new(word, index)).collect();
        let number = !query.is_empty() && query.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, begun) = index.beginning(query);
        Self {
            index,
            letters: words.iter().fold(0, |letters, word| letters | word.letters),
            words,
            number: number.then(|| query.parse().ok().filter(|id: &i64| id.to_string() == query)),
            whole,
            begun,
            matcher: Matcher::new(Config::DEFAULT),
        }
    }

    /// The places whose rows match, best first: the whole name, its beginning, somewhere in it, its site or top level, and
    /// last the letters in their order. What matches equally well stands by its place.
    pub fn rank(&mut self, rows: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
        let mut classes: [Vec<u32>; CLASSES] = Default::default();
        let mut guessed: Vec<u64> = Vec::new();
        for (place, row) in rows {
            match self.matches(row as usize) {
                None => {}
                Some(Match::Class(class)) => classes[class].push(place),
                // The best score first, then the place: one number sorts faster than two.
                Some(Match::Guess(score)) => guessed.push(u64::from(!score) << 32 | u64::from(place)),
            }
        }
        for class in &mut classes {
            // They come in few runs that are sorted already, one for each class of the search before: a stable sort merges
            // these.
            class.sort();
        }
        guessed.sort_unstable();
        let places = guessed.into_iter().map(|guess| guess as u32);
        classes.into_iter().flatten().chain(places).collect()
    }

    fn matches(&mut self, row: usize) -> Option<Match> {
        if self.whole.contains(&row) || self.number.is_some_and(|id| id == Some(self.index.ids[row])) {
            return Some(Match::Class(0));
        }
        if self.begun.contains(&row) {
            return Some(Match::Class(1));
        }
        let index = self.index;
        let mut named = true;
        let here = self.words.iter_mut().all(|word| {
            let in_name = index.names.has(row, word);
            named &= in_name;
            // By site and top level too, as the command searches.
            in_name || word.is_in_place(index, row)
        });
        if here {
            return Some(Match::Class(if named { 2 } else { 3 }));
        }
        // Letters in their order are a guess; digits in their order are noise.
        if self.number.is_some() || self.letters & !index.names.letters[row] != 0 {
            return None;
        }
        let score = |word: &Word| self.matcher.fuzzy_match(index.haystack(row), word.needle.slice(..)).map(u32::from);
        self.words.iter().map(score).sum::<Option<u32>>().map(Match::Guess)
    }
}

/// The characters of a shown text that a search matched, by their place as a person counts them.
pub fn matched(shown: &str, query: &str) -> Vec<usize> {
    let mut folded: Vec<(char, usize)> = Vec::new();
    for (place, cluster) in shown.graphemes(true).enumerate() {
        folded.extend(fold(cluster).chars().map(|character| (character, place)));
    }
    let mut matched = Vec::new();
    for word in fold(query.trim()).split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        let whole = folded.windows(word.len()).position(|window| window.iter().map(|(c, _)| c).eq(word.iter()));
        if let Some(at) = whole {
            matched.extend(folded[at..at + word.len()].iter().map(|(_, place)| *place));
            continue;
        }
        let mut rest = folded.iter();
        for character in word {
            match rest.find(|(other, _)| *other == character) {
                Some((_, place)) => matched.push(*place),
                None => break,
            }
        }
    }
    matched.sort_unstable();
    matched.dedup();
    matched
}
