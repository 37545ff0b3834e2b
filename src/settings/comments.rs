//! What a person wrote into a file, kept through a save: comments, order, blank lines, the way a value is spelt.

use toml_edit::{DocumentMut, Item, TableLike};

/// `fresh` in the form of `old`: only what differs is changed. `fresh` as it is where either is no TOML.
pub(super) fn kept(old: &str, fresh: &str) -> String {
    let (Ok(mut old), Ok(new)) = (old.parse::<DocumentMut>(), fresh.parse::<DocumentMut>()) else {
        return fresh.to_owned();
    };
    merge(old.as_table_mut(), new.as_table());
    old.to_string()
}

fn merge(old: &mut dyn TableLike, new: &dyn TableLike) {
    let gone: Vec<String> = old.iter().map(|(key, _)| key.to_owned()).filter(|key| !new.contains_key(key)).collect();
    gone.iter().for_each(|key| drop(old.remove(key)));
    for (key, value) in new.iter() {
        match (old.get_mut(key), value.as_table_like()) {
            (Some(there), Some(table)) if there.is_table_like() => {
                if let Some(there) = there.as_table_like_mut() {
                    merge(there, table);
                }
            }
            (Some(there), _) => replace(there, value),
            (None, _) => drop(old.insert(key, value.clone())),
        }
    }
}

/// Puts a value in the place of another, with the comment behind that one.
fn replace(there: &mut Item, value: &Item) {
    let is_same = without_form(there) == without_form(value);
    if is_same {
        return;
    }
    let form = there.as_value().map(|old| old.decor().clone());
    *there = value.clone();
    if let (Some(form), Some(value)) = (form, there.as_value_mut()) {
        *value.decor_mut() = form;
    }
}

/// What a value says, however it is spelt.
fn without_form(item: &Item) -> Option<toml::Value> {
    let text = format!("value = {}", item.as_value()?.clone().decorated("", ""));
    text.parse::<toml::Table>().ok()?.remove("value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_order_live_through_change() {
        let old = "# mine\nversion = 1\nactive = 'acme' # why\n\n[keys] # below\n# the arrow broke\nquit = [ \"ctrl+q\" ]\n\n\
                   [configurations.acme]\nname = \"Acme\" # was B\n# old one\n[configurations.gone]\nname = \"x\"\n";
        let fresh = "version = 1\n[configurations.acme]\nname = \"Acme & Sons\"\n[configurations.new]\nname = \"n\"\n\
                     [keys]\nquit = [\"ctrl+q\"]\n";
        let kept = kept(old, fresh);
        for part in
            ["# mine\n", "[keys] # below\n# the arrow broke\nquit = [ \"ctrl+q\" ]", "name = \"Acme & Sons\" # was B"]
        {
            assert!(kept.contains(part), "{part}\n{kept}");
        }
        assert!(!kept.contains("active") && !kept.contains("gone"), "{kept}");
        assert_eq!(kept.parse::<toml::Table>().unwrap(), fresh.parse::<toml::Table>().unwrap());
    }
}
