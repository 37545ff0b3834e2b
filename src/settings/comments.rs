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
        let (none, is_header) = (Table::new(), there.is_table());
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

/// Elements one by one: each comment stays at its place, those of elements that are gone at the end.
fn replace_elements(there: &mut Array, value: &Array) {
    let mut orphans = String::new();
    while there.len() > value.len() {
        let gone = there.remove(there.len() - 1);
        let comment = text(gone.decor().prefix()) + &text(gone.decor().suffix());
        orphans = if comment.contains('#') { comment + &orphans } else { orphans };
    }
    there.set_trailing(orphans + &text(Some(there.trailing())));
    for (place, element) in value.iter().enumerate() {
        match there.get_mut(place) {
            Some(old) => {
                let decor = old.decor().clone();
                *old = element.clone();
                *old.decor_mut() = decor;
            }
            None => there.push(element.clone()),
        }
    }
}

/// What a value says, however it is spelt.
fn says(item: &Item) -> Option<toml::Value> {
    let text = format!("value = {}", item.as_value()?.clone().decorated("", ""));
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
