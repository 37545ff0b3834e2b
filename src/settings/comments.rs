//! What a person wrote into a file, kept through a save: comments, order, blank lines, line ends, the way a value is spelt,
//! and whatever says no more than the default.

use toml_edit::{Array, Decor, DocumentMut, Item, RawString, Table, TableLike, Value};

/// The file `old` with what differs between `before`, which says the same, and `fresh`. Just `fresh` where one of them is no
/// TOML.
pub(super) fn kept(old: &str, before: &str, fresh: &str) -> String {
    let read = |text: &str| text.parse::<DocumentMut>();
    let (Ok(mut kept), Ok(before), Ok(new)) = (read(old), read(before), read(fresh)) else {
        return fresh.to_owned();
    };
    let orphans = merge(kept.as_table_mut(), before.as_table(), new.as_table());
    let text = format!("{kept}{orphans}");
    // The parser reads both kinds of line ends, and writes one.
    if old.contains("\r\n") { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text }
}

/// Merges a table. Comments that have no value to be put behind are given back.
fn merge(kept: &mut dyn TableLike, before: &dyn TableLike, new: &dyn TableLike) -> String {
    let gone = before.iter().map(|(key, _)| key).filter(|key| !new.contains_key(key));
    let mut orphans: String = gone.map(|key| remove(kept, key)).collect();
    for (key, value) in new.iter() {
        let was = before.get(key);
        if was.is_some_and(|was| says(was) == says(value)) && !value.is_table_like() {
            continue;
        }
        let Some(there) = kept.get_mut(key) else {
            kept.insert(key, value.clone());
            continue;
        };
        // A table that is only part of dotted names has no line of its own to put a comment behind.
        let is_header = there.as_table().is_some_and(|table| !table.is_dotted() && !table.is_implicit());
        let none = Table::new();
        match (there.as_table_like_mut(), value.as_table_like()) {
            (Some(table), Some(value)) => {
                let homeless = merge(table, was.and_then(Item::as_table_like).unwrap_or(&none), value);
                match there.as_table_mut().filter(|_| is_header) {
                    Some(header) => put_behind(header.decor_mut(), &homeless),
                    None => orphans += &homeless,
                }
            }
            _ => replace(there, value),
        }
    }
    orphans
}

/// Takes a key out. A table takes its comments along; those above and behind a value stay, behind the value before it.
fn remove(kept: &mut dyn TableLike, key: &str) -> String {
    let before = kept.iter().take_while(|(other, _)| *other != key);
    let before = before.filter(|(_, item)| item.is_value()).last().map(|(key, _)| key.to_owned());
    let above = kept.key(key).map(|key| text(key.leaf_decor().prefix())).unwrap_or_default();
    let Some(Item::Value(value)) = kept.remove(key) else { return String::new() };
    let comments = [above.trim_end(), text(value.decor().suffix()).trim()].map(str::to_owned);
    let orphans: String = comments.iter().filter(|text| text.contains('#')).map(|text| format!("\n{text}")).collect();
    match before.and_then(|before| kept.get_mut(&before)?.as_value_mut()) {
        Some(value) => put_behind(value.decor_mut(), &orphans),
        None => return orphans,
    }
    String::new()
}

fn put_behind(decor: &mut Decor, orphans: &str) {
    let suffix = text(decor.suffix());
    decor.set_suffix(suffix + orphans);
}

fn text(raw: Option<&RawString>) -> String {
    raw.and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// Puts a value in the place of another, with the comments around that one.
fn replace(there: &mut Item, value: &Item) {
    match (there.as_value_mut(), value.as_value()) {
        (Some(Value::Array(there)), Some(Value::Array(value))) => replace_elements(there, value),
        (Some(there), Some(value)) => {
            let decor = there.decor().clone();
            *there = value.clone();
            *there.decor_mut() = decor;
        }
        _ => *there = value.clone(),
    }
}

/// An element with the comments that are at it.
struct Element {
    value: Value,
    above: String,
    /// What is behind it in its line.
    behind: String,
}

/// Elements one by one: each keeps its comments, wherever it is now; one in the place of another has that one's, and those of
/// elements that are gone are at the end.
fn replace_elements(there: &mut Array, value: &Array) {
    let (head, old, tail) = elements(there);
    let mut is_left = vec![true; old.len()];
    let mut take = |wanted: &dyn Fn(usize) -> bool| {
        let at = (0..old.len()).find(|at| is_left[*at] && wanted(*at));
        at.inspect(|at| is_left[*at] = false)
    };
    let same = value.iter().map(|new| take(&|at| said(&old[at].value) == said(new)));
    let same: Vec<Option<usize>> = same.collect();
    let from: Vec<Option<usize>> =
        same.iter().enumerate().map(|(place, same)| same.or_else(|| take(&|at| at == place))).collect();

    let gone = old.iter().zip(&is_left).filter(|(_, is_left)| **is_left).map(|(gone, _)| gone);
    let comments = gone.flat_map(|gone| [gone.above.trim(), gone.behind.trim()]).filter(|text| text.contains('#'));
    let orphans: String = comments.map(|text| format!("\n  {text}")).collect();

    let indent = old.iter().find(|element| element.above.contains('\n'));
    let indent = indent.and_then(|element| element.above.rsplit('\n').next()).map(|indent| format!("\n{indent}"));
    let mut before = head;
    there.clear();
    for (place, (new, from)) in value.iter().zip(from).enumerate() {
        let from = from.map(|at| &old[at]);
        let above = from.map(|from| &from.above).filter(|above| above.contains('#'));
        let above = above.or_else(|| Some(&old.get(place)?.above).filter(|above| !above.contains('#')));
        let usual = || indent.clone().unwrap_or_else(|| if place == 0 { "" } else { " " }.to_owned());
        let prefix = lines(&before, &above.cloned().unwrap_or_else(usual));
        let kept = from.map(|from| &from.value).filter(|kept| said(kept) == said(new));
        there.push_formatted(kept.unwrap_or(new).clone().decorated(prefix, ""));
        before = from.map(|from| from.behind.clone()).unwrap_or_default();
    }
    there.set_trailing(lines(&before, &lines(&orphans, &tail)));
}

/// Puts one text behind another, in a line of its own where the first one ends in a comment.
fn lines(first: &str, then: &str) -> String {
    let is_open = first.rsplit('\n').next().is_some_and(|line| line.contains('#'));
    let gap = if is_open && !then.trim_start_matches([' ', '\t', '\r']).starts_with('\n') { "\n" } else { "" };
    format!("{first}{gap}{then}")
}

/// The elements of an array, with what is before the first one in its line, and what is behind the last one.
fn elements(array: &Array) -> (String, Vec<Element>, String) {
    // A comment in the line of an element is written behind its comma, or before it where there is none.
    let split = |gap: String| match gap.find('\n') {
        Some(at) if gap[..at].contains('#') => (gap[..at].trim_end().to_owned(), gap[at..].to_owned()),
        _ => (String::new(), gap),
    };
    let (mut head, mut gap, mut found) = (String::new(), String::new(), Vec::<Element>::new());
    let mut put = |found: &mut Vec<Element>, behind| match found.last_mut() {
        Some(last) => last.behind = behind,
        None => head = behind,
    };
    for value in array.iter() {
        let (behind, above) = split(gap + &text(value.decor().prefix()));
        put(&mut found, behind);
        found.push(Element { value: value.clone(), above, behind: String::new() });
        gap = text(value.decor().suffix());
    }
    let (behind, tail) = split(gap + &text(Some(array.trailing())));
    put(&mut found, behind);
    (head, found, tail)
}

/// What a value says, however it is spelt.
fn says(item: &Item) -> Option<toml::Value> {
    said(item.as_value()?)
}

fn said(value: &Value) -> Option<toml::Value> {
    let text = format!("value = {}", value.clone().decorated("", ""));
    text.parse::<toml::Table>().ok()?.remove("value")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# mine\nversion = 1\n# who is on duty\nactive = 'acme' # why\n\n[keys] # below\n\
                       # the arrow broke\nquit = [ \"ctrl+q\", # the usual\n  \"f10\", # Fox's\n]\n# no more\n\n\
                       [configurations.acme]\n# said twice\nname = \"Acme\" # was B\n# as always\nsame = 1\n# of the one gone\n\
                       [configurations.gone]\nname = \"x\" # gone too\n# the end\n\n# the very end";
    const BEFORE: &str = "version = 1\nactive = \"acme\"\n[keys]\nquit = [\"ctrl+q\", \"f10\"]\n\
                          [configurations.acme]\nname = \"Acme\"\n[configurations.gone]\nname = \"x\"\n";
    const FRESH: &str = "version = 1\n[keys]\nquit = [\"ctrl+x\"]\n[configurations.acme]\nname = \"Acme & Sons\"\n\
                         [configurations.new]\nname = \"n\"\n";

    fn comments(text: &str) -> Vec<&str> {
        let mut comments: Vec<_> =
            text.lines().filter_map(|line| line.find('#').map(|at| line[at..].trim_end())).collect();
        comments.sort_unstable();
        comments
    }

    #[test]
    fn every_comment_lives_through_change() {
        let kept = kept(OLD, BEFORE, FRESH);
        let there: Vec<_> = comments(OLD).into_iter().filter(|comment| !comment.contains("gone")).collect();
        assert_eq!(comments(&kept), there, "{kept}");
        for part in [
            "# mine\nversion = 1\n# who is on duty\n# why\n",
            "[keys] # below\n# the arrow broke\nquit = [ \"ctrl+x\", # the usual\n",
            "name = \"Acme & Sons\" # was B\n# as always\nsame = 1\n",
            "# the end\n\n# the very end",
        ] {
            assert!(kept.contains(part), "{part}\n{kept}");
        }
        let mut says = kept.parse::<toml::Table>().unwrap();
        let acme = says["configurations"]["acme"].as_table_mut().unwrap();
        assert!(acme.remove("same").is_some(), "what says no more than the default stays");
        assert_eq!(says, FRESH.parse::<toml::Table>().unwrap());
    }

    /// Whichever element is taken out, put in or moved.
    #[test]
    fn comment_in_array_stays_with_its_value() {
        let old = "all = [ # these\n  # first\n  'a', # of a\n  'b', # of b\n  \"c\" # of c\n]\n";
        let save = |all: &str| kept(old, "all = ['a', 'b', 'c']\n", &format!("all = {all}\n"));
        for (all, wanted) in [
            ("['b', 'c']", "all = [ # these\n  'b', # of b\n  \"c\" # of c\n  # first\n  # of a\n]\n"),
            ("['a', 'c']", "all = [ # these\n  # first\n  'a', # of a\n  \"c\" # of c\n  # of b\n]\n"),
            ("['b', 'a', 'c']", "all = [ # these\n  'b', # of b\n  # first\n  'a', # of a\n  \"c\" # of c\n]\n"),
            (
                "['a', 'b', 'c', 'd']",
                "all = [ # these\n  # first\n  'a', # of a\n  'b', # of b\n  \"c\", # of c\n  'd'\n]\n",
            ),
            ("['a', 'x', 'c']", "all = [ # these\n  # first\n  'a', # of a\n  'x', # of b\n  \"c\" # of c\n]\n"),
            ("[]", "all = [ # these\n  # first\n  # of a\n  # of b\n  # of c\n]\n"),
        ] {
            assert_eq!(save(all), wanted, "{all}");
        }
        assert_eq!(kept("a = [1,2]\n", "a = [1, 2]\n", "a = [2, 3]\n"), "a = [2,3]\n");
        assert_eq!(kept("a = []\n", "a = []\n", "a = [2, 3]\n"), "a = [2, 3]\n");
    }

    #[test]
    fn comments_of_file_without_values_before_them_stay() {
        let kept = kept("[a] # a\n# b\nx = 1 # c\n", "[a]\nx = 1\n", "[a]\n");
        assert_eq!(comments(&kept), ["# a", "# b", "# c"], "{kept}");
        assert!(kept.parse::<toml::Table>().is_ok(), "{kept}");
    }

    #[test]
    fn line_ends_of_windows_stay() {
        let old = OLD.replace('\n', "\r\n");
        assert_eq!(kept(&old, BEFORE, FRESH), kept(OLD, BEFORE, FRESH).replace('\n', "\r\n"));
        assert_eq!(kept(&old, BEFORE, BEFORE), old);
    }
}
