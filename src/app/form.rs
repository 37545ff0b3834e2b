//! What is typed into the fields of the wizard, and what the domain says of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};
use zeroize::Zeroizing;

use crate::domain::address::{HaloUrl, Note, PiaUrl};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::configuration::{EscalateTo, client_secret_warning};
use crate::domain::draft::{Draft, Step};
use crate::domain::fields::{MISPLACED, Refused, Taken};
use crate::domain::secret::{Secret, holds_client_secret};
use crate::domain::untrusted::{Untrusted, unquoted, without_margin};

pub use crate::domain::fields::{FIELDS, FieldId, Kind};

/// The Client Secret while it is typed: erased when dropped, never printed.
pub struct SecretInput(Zeroizing<String>);

impl SecretInput {
    // Room enough from the start, so that no copy is left behind by growing.
    const ROOM: usize = 4_096;

    fn new() -> Self {
        Self(Zeroizing::new(String::with_capacity(Self::ROOM)))
    }

    /// How many characters it has.
    pub fn length(&self) -> usize {
        self.0.chars().count()
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Self::new();
    }

    pub fn secret(&self) -> Secret {
        Secret::typed(&self.0)
    }

    fn push(&mut self, character: char) -> bool {
        let fits = self.0.len() + character.len_utf8() <= Self::ROOM && !character.is_control();
        if fits {
            self.0.push(character);
        }
        fits
    }
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What is worth saying under a field that is not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Whether the person should look twice.
    pub warning: bool,
    /// What the text was taken as, where that is something else.
    pub taken: Option<String>,
    pub text: String,
}

/// What became of a pasted text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pasted {
    Whole,
    /// Only its first line is.
    FirstLine,
    /// It was too long and is cut.
    Cut,
    /// There was nothing in it.
    Nothing,
    /// It is left out: a Client Secret would be seen there.
    Misplaced,
}

impl Pasted {
    /// What there is to say of it; nothing where it is in as it was.
    pub fn words(self, field: FieldId) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::FirstLine => Some("Several lines were pasted: only the first is taken.".to_owned()),
            Self::Cut => {
                Some(format!("The pasted text is too long and was cut after {} characters.", field.info().longest))
            }
            Self::Nothing => Some("The pasted text has no characters that are allowed here.".to_owned()),
            Self::Misplaced => {
                Some(format!("That looks like a Client Secret, so it was not pasted into {}.", field.info().label))
            }
        }
    }
}

const NEEDS_SECRET: &str = "the Client Secret is needed";

/// What is typed in all fields.
#[derive(Debug)]
pub struct Form {
    texts: BTreeMap<FieldId, Input>,
    /// The Client Secret.
    pub secret: SecretInput,
    pub escalate_to: Option<EscalateTo>,
    /// The fields whose error is shown; each goes back to help when mended.
    shown: BTreeSet<FieldId>,
}

impl Form {
    /// A form with nothing in it.
    pub fn new() -> Self {
        let texts = FIELDS.iter().filter(|info| info.is_line()).map(|info| (info.id, Input::default())).collect();
        Self { texts, secret: SecretInput::new(), escalate_to: None, shown: BTreeSet::new() }
    }

    /// The form of a draft.
    pub fn of(draft: &Draft) -> Self {
        let mut form = Self { escalate_to: draft.escalate_to.clone(), ..Self::new() };
        for info in FIELDS.iter().filter(|info| info.is_line()) {
            form.set(info.id, draft.text(info.id));
        }
        form
    }

    pub fn text(&self, field: FieldId) -> &str {
        self.texts.get(&field).map_or("", Input::value)
    }

    /// What is typed, as it may be seen: a Client Secret that was typed into a field of text is not.
    pub fn visible(&self, field: FieldId) -> Cow<'_, str> {
        let text = self.text(field);
        if holds_client_secret(text) { "•".repeat(text.chars().count()).into() } else { text.into() }
    }

    /// The value of a field as it would be saved, or else the text that is no value.
    pub fn value(&self, field: FieldId) -> String {
        self.take(field).map_or_else(|_| self.text(field).to_owned(), |taken| taken.value)
    }

    /// The same, fit to be shown.
    pub fn shown(&self, field: FieldId) -> String {
        let value = self.take(field).map_or_else(|_| self.visible(field), |taken| taken.value.into());
        Untrusted::new(value.trim()).display()
    }

    /// The editor of a field.
    pub fn input(&self, field: FieldId) -> Option<&Input> {
        self.texts.get(&field)
    }

    /// Writes a field anew, with the cursor behind it.
    pub fn set(&mut self, field: FieldId, text: impl Into<String>) {
        self.texts.insert(field, Input::new(text.into()));
        self.mended(field);
    }

    /// Gives a key to a field. Says whether its text or cursor changed.
    pub fn key(&mut self, field: FieldId, key: KeyEvent) -> Edited {
        if field.info().kind == Kind::Secret {
            return self.secret_key(field, key);
        }
        let Some(input) = self.texts.get_mut(&field) else { return Edited::Nothing };
        if let KeyCode::Char(_) = key.code
            && !key.modifiers.contains(KeyModifiers::CONTROL)
            && input.value().chars().count() >= field.info().longest
        {
            return Edited::Full;
        }
        match input.handle_event(&Event::Key(key)) {
            Some(change) if change.value => {
                self.mended(field);
                Edited::Text
            }
            Some(change) if change.cursor => Edited::Cursor,
            _ => Edited::Nothing,
        }
    }

    fn secret_key(&mut self, field: FieldId, key: KeyEvent) -> Edited {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let changed = match key.code {
            KeyCode::Char('u') if ctrl => {
                let had = !self.secret.is_empty();
                self.secret.clear();
                had
            }
            KeyCode::Char('h') if ctrl => self.secret.0.pop().is_some(),
            KeyCode::Backspace => self.secret.0.pop().is_some(),
            KeyCode::Char(character) if !ctrl && !key.modifiers.contains(KeyModifiers::ALT) => {
                if self.secret.length() >= field.info().longest {
                    return Edited::Full;
                }
                self.secret.push(character)
            }
            _ => false,
        };
        if !changed {
            return Edited::Nothing;
        }
        self.mended(field);
        Edited::Text
    }

    /// Puts a pasted text in at the cursor. It never submits anything.
    pub fn paste(&mut self, field: FieldId, pasted: &str) -> Pasted {
        let secret = field.info().kind == Kind::Secret;
        if secret {
            // Pasting replaces it whole: half an old secret is no use.
            self.secret.clear();
        }
        let (text, outcome) = read_paste(field, pasted, if secret { 0 } else { self.text(field).chars().count() });
        for character in text.chars() {
            if secret {
                self.secret.push(character);
            } else if let Some(input) = self.texts.get_mut(&field) {
                input.handle(InputRequest::InsertChar(character));
            }
        }
        self.mended(field);
        outcome
    }

    /// Puts a whole answer in place of what stands in a field.
    pub fn answer(&mut self, field: FieldId, text: &str) {
        if field.info().kind != Kind::Secret {
            self.set(field, "");
        }
        self.paste(field, text);
    }

    /// How a whole answer would be read, and what would be wrong with it; nothing is changed.
    pub fn try_answer(&self, field: FieldId, text: &str, has_secret: bool) -> Result<Pasted, Refused> {
        let (text, outcome) = read_paste(field, text, 0);
        match field.info().kind {
            Kind::Secret if text.is_empty() && !has_secret => {
                Err(Refused { why: NEEDS_SECRET.to_owned(), better: None })
            }
            Kind::Secret => Ok(outcome),
            _ if outcome == Pasted::Misplaced => Err(Refused { why: MISPLACED.to_owned(), better: None }),
            _ => self.read(field, &text).map(|_| outcome),
        }
    }

    /// What is wrong with a field, by the domain's own rules.
    pub fn error(&self, field: FieldId, has_secret: bool) -> Option<String> {
        match field.info().kind {
            Kind::Secret => (self.secret.secret().is_empty() && !has_secret).then(|| NEEDS_SECRET.to_owned()),
            Kind::Choice | Kind::ReadOnly => None,
            _ => self.take(field).err().map(|refused| refused.why),
        }
    }

    fn take(&self, field: FieldId) -> Result<Taken, Refused> {
        self.read(field, self.text(field))
    }

    // What the domain makes of a text, and whether it goes with the other fields.
    fn read(&self, field: FieldId, text: &str) -> Result<Taken, Refused> {
        let taken = field.info().take(text)?;
        let halo = || HaloUrl::read(self.text(FieldId::Url)).ok();
        let pia = PiaUrl::read(text).ok().filter(|_| field == FieldId::PiaUrl);
        match pia.zip(halo()).and_then(|(pia, halo)| pia.address.unreachable_from(&halo.address)) {
            Some(why) => Err(Refused { why: why.to_owned(), better: None }),
            None => Ok(taken),
        }
    }

    /// The error of a field, where it is time to show it.
    pub fn shown_error(&self, field: FieldId, has_secret: bool) -> Option<String> {
        self.shown.contains(&field).then(|| self.error(field, has_secret)).flatten()
    }

    /// The field is left: from now on its error is shown.
    pub fn leave(&mut self, field: FieldId) {
        // Whatever spelling it has, and whatever zone: from here on it is the time that is saved.
        if field == FieldId::DailySyncTime
            && let Ok(taken) = self.take(field)
            && taken.value != self.text(field)
        {
            self.set(field, taken.value);
        }
        let untouched_secret = field == FieldId::ClientSecret && self.secret.is_empty();
        if !untouched_secret
            && (field == FieldId::Url || !self.text(field).is_empty() || field.info().step != Step::Credentials)
        {
            self.shown.insert(field);
        }
    }

    /// Going forward: the errors of these fields are shown; answers the first.
    pub fn insist(&mut self, fields: &[FieldId], has_secret: bool) -> Option<FieldId> {
        self.shown.extend(fields);
        fields.iter().copied().find(|field| self.error(*field, has_secret).is_some())
    }

    // Live once in error: an error that is shown stays watched until it is mended.
    fn mended(&mut self, field: FieldId) {
        if self.error(field, true).is_none() {
            self.shown.remove(&field);
        }
    }

    /// The address of the Pia Chat Pod while its field is blank.
    pub fn default_chat_pod(&self) -> Option<String> {
        PiaUrl::read(self.text(FieldId::PiaUrl)).ok().map(|reading| ChatPodUrl::below(&reading.address).to_string())
    }

    /// A better value that can be taken over with a key.
    pub fn suggestion(&self, field: FieldId) -> Option<String> {
        self.take(field).err()?.better
    }

    /// What is worth saying about a value that is no error.
    pub fn remarks(&self, field: FieldId) -> Vec<Remark> {
        if field.info().kind == Kind::Secret {
            let warning = client_secret_warning(self.secret.length());
            return warning.map(|text| Remark { warning: true, taken: None, text }).into_iter().collect();
        }
        let Ok(taken) = self.take(field) else { return Vec::new() };
        let mut remarks = match field.info().kind {
            Kind::Address => read_remarks(self.text(field).trim(), &taken),
            _ => Vec::new(),
        };
        if field == FieldId::PiaUrl
            && let Some(bare) = PiaUrl::read(self.text(field)).ok().filter(|reading| reading.address.is_bare_name())
        {
            let text = format!("a name without a dot: can Halo find \"{}\"?", bare.address.host());
            remarks.push(Remark { warning: true, taken: None, text });
        }
        remarks.extend(taken.doubt.map(|text| Remark { warning: true, taken: None, text }));
        remarks
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

/// What a key did to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The text is another.
    Text,
    Cursor,
    /// There is no room for more.
    Full,
    Nothing,
}

fn read_remarks(typed: &str, taken: &Taken) -> Vec<Remark> {
    let Taken { value: address, notes, .. } = taken;
    let mut remarks = Vec::new();
    // That https:// was added is seen in the address itself.
    let quiet = notes.iter().filter(|note| !note.is_warning() && **note != Note::SchemeAdded);
    let quiet: Vec<String> = quiet.map(ToString::to_string).collect();
    if typed != address {
        remarks.push(Remark { warning: false, taken: Some(address.clone()), text: quiet.join(", ") });
    } else if !quiet.is_empty() {
        remarks.push(Remark { warning: false, taken: None, text: quiet.join(", ") });
    }
    remarks.extend(notes.iter().filter(|note| note.is_warning()).map(|note| Remark {
        warning: true,
        taken: None,
        text: note.to_string(),
    }));
    remarks
}

// What a field takes of a pasted text beside so many characters.
fn read_paste(field: FieldId, pasted: &str, had: usize) -> (Zeroizing<String>, Pasted) {
    let info = field.info();
    let (text, outcome) = clean_paste(pasted, info.kind != Kind::Text && info.kind != Kind::Board);
    let text = Zeroizing::new(text);
    if info.kind != Kind::Secret && holds_client_secret(&text) {
        return (Zeroizing::default(), Pasted::Misplaced);
    }
    let room = info.longest.saturating_sub(had);
    match text.char_indices().nth(room) {
        Some((end, _)) => (Zeroizing::new(text[..end].to_owned()), Pasted::Cut),
        None if text.is_empty() => (text, Pasted::Nothing),
        None => (text, outcome),
    }
}

/// Makes one line of a pasted text: the first, without control characters and, for addresses, ids and secrets, without
/// blanks and quotes around it.
fn clean_paste(pasted: &str, trim: bool) -> (String, Pasted) {
    let body = pasted.trim_matches(['\r', '\n']);
    let line = body.split(['\r', '\n']).next().unwrap_or_default();
    let outcome = if line.len() < body.len() { Pasted::FirstLine } else { Pasted::Whole };
    let text: String = line.chars().filter(|character| !character.is_control()).collect();
    let text = if trim { unquoted(without_margin(&text)).to_owned() } else { text };
    (text, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::OUT_OF_REACH;

    fn key(character: char) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE)
    }

    /// S7: every field has help text with an example.
    #[test]
    fn every_field_has_help_and_example() {
        for info in FIELDS {
            assert_eq!(info.id.info().id, info.id);
            assert!(!info.label.is_empty() && !info.help.is_empty() && !info.more.is_empty());
            assert!(!info.example.is_empty(), "{}", info.label);
        }
    }

    #[test]
    fn paste_is_one_clean_line() {
        assert_eq!(clean_paste("abc\n", true), ("abc".to_owned(), Pasted::Whole));
        assert_eq!(clean_paste("  \"abc\" \r\n", true), ("abc".to_owned(), Pasted::Whole));
        assert_eq!(clean_paste("abc\ndef", true), ("abc".to_owned(), Pasted::FirstLine));
        assert_eq!(clean_paste("a\u{1b}[31mb\tc", true), ("a[31mbc".to_owned(), Pasted::Whole));
        assert_eq!(clean_paste(" \"Pia\" ", false), (" \"Pia\" ".to_owned(), Pasted::Whole));
    }

    #[test]
    fn huge_paste_is_cut_to_field() {
        let mut form = Form::new();
        assert_eq!(form.paste(FieldId::Url, &"x".repeat(1 << 20)), Pasted::Cut);
        assert_eq!(form.text(FieldId::Url).chars().count(), FieldId::Url.info().longest);
        assert_eq!(form.paste(FieldId::ClientSecret, &"y".repeat(1 << 20)), Pasted::Cut);
        assert_eq!(form.secret.length(), FieldId::ClientSecret.info().longest);
        assert_eq!(form.key(FieldId::Url, key('z')), Edited::Full);
    }

    /// S23: the secret is never in what a program can print of the form.
    #[test]
    fn debug_of_form_does_not_show_secret() {
        let mut form = Form::new();
        form.paste(FieldId::ClientSecret, "hunter2-canary");
        assert_eq!(form.secret.secret(), Secret::new("hunter2-canary"));
        assert!(!format!("{form:?} {form:#?}").contains("canary"));
    }

    /// S23: where a secret is seen and kept, none goes in; one that is typed there is no value, and is not shown.
    #[test]
    fn client_secret_goes_into_its_own_field_alone() {
        let secret = "6a0f2f9e-3a1c-4f0e-9d56-0f4c8a2b7e11-1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed";
        let mut form = Form::new();
        for info in FIELDS.iter().filter(|info| info.is_line()) {
            for text in [secret.to_owned(), secret.to_uppercase(), format!("Client Secret: {secret}\n")] {
                assert_eq!(form.paste(info.id, &text), Pasted::Misplaced, "{}", info.label);
                assert!(form.text(info.id).is_empty() && form.try_answer(info.id, &text, false).is_err());
            }
            for character in secret.chars() {
                form.key(info.id, key(character));
            }
            let is_in = form.text(info.id).chars().count() == secret.len();
            assert_eq!(form.error(info.id, false).as_deref() == Some(MISPLACED), is_in, "{}", info.label);
            assert!(!is_in || !form.shown(info.id).contains("6a0f"), "{}", info.label);
            form.set(info.id, "");
        }
        assert_eq!(form.paste(FieldId::ClientSecret, secret), Pasted::Whole);
        assert_eq!(form.paste(FieldId::ClientId, &secret[..36]), Pasted::Whole);
    }

    /// S24: what was dropped from an address is said; S22: a shape is only warned about.
    #[test]
    fn field_says_what_it_made_of_its_text() {
        let mut form = Form::new();
        form.set(FieldId::Url, "acme.halopsa.com/api/");
        let remarks = form.remarks(FieldId::Url);
        assert_eq!(remarks[0].taken.as_deref(), Some("https://acme.halopsa.com"));
        assert_eq!(remarks[0].text, "/api is not needed");
        form.set(FieldId::ClientId, "0d0c6d1c");
        assert!(form.remarks(FieldId::ClientId)[0].warning);
        assert_eq!(form.error(FieldId::ClientId, false), None);
        form.set(FieldId::Url, "acme");
        assert_eq!(form.suggestion(FieldId::Url).as_deref(), Some("https://acme.halopsa.com"));
    }

    /// Where Halo is hosted by its vendor, a private Pia Url would be saved in vain.
    #[test]
    fn private_pia_url_is_error_where_halo_is_in_cloud() {
        let mut form = Form::new();
        form.set(FieldId::PiaUrl, "https://10.1.1.1");
        form.set(FieldId::Url, "halo.acme.example");
        assert_eq!(form.error(FieldId::PiaUrl, false), None, "a Halo of one's own may reach it");
        form.set(FieldId::Url, "acme.halopsa.com");
        assert_eq!(form.error(FieldId::PiaUrl, false).as_deref(), Some(OUT_OF_REACH));
        assert!(form.try_answer(FieldId::PiaUrl, "pia.lan", false).is_err(), "plain mode asks the same");
        assert!(form.try_answer(FieldId::PiaUrl, "pia.acme.example", false).is_ok());
        form.set(FieldId::PiaUrl, "");
        assert_eq!(form.error(FieldId::PiaUrl, false), None, "blank for now is fine");
    }

    #[test]
    fn error_is_shown_on_leaving_and_is_live_until_mended() {
        let mut form = Form::new();
        for character in "4:3".chars() {
            form.key(FieldId::DailySyncTime, key(character));
        }
        assert_eq!(form.shown_error(FieldId::DailySyncTime, false), None);
        form.leave(FieldId::DailySyncTime);
        let error = form.shown_error(FieldId::DailySyncTime, false);
        assert_eq!(error.as_deref(), Some("use two digits for the minutes: 04:03"));
        form.key(FieldId::DailySyncTime, key('0'));
        assert_eq!(form.shown_error(FieldId::DailySyncTime, false), None);
        form.key(FieldId::DailySyncTime, key('9'));
        assert_eq!(form.shown_error(FieldId::DailySyncTime, false), None, "shown again only on leaving");
    }
}
