//! The body of an event as a person reads it.

use serde_json::Value;

use super::untrusted::Untrusted;

/// Lines of a body that are shown; a callback may be a megabyte.
const BODY_LINES: usize = 2_000;

/// Characters of a line; what is longer goes on in the next.
const BODY_COLUMNS: usize = 200;

/// A body as a person reads it: a member on each line, each line harmless.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Body {
    /// Its lines.
    pub lines: Vec<String>,
    /// How many more there are.
    pub cut: usize,
}

impl Body {
    /// Reads the body of an event.
    pub fn of(body: &Untrusted) -> Self {
        let pretty = serde_json::from_str::<Value>(body.raw())
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_else(|_| body.raw().to_owned());
        let (mut lines, mut all) = (Vec::new(), 0);
        for line in pretty.lines() {
            let mut rest = line;
            loop {
                let end = rest.char_indices().nth(BODY_COLUMNS).map_or(rest.len(), |(at, _)| at);
                let (part, behind) = rest.split_at(end);
                if all < BODY_LINES {
                    lines.push(Untrusted::new(part).display());
                }
                all += 1;
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
        }
        Self { cut: all - lines.len(), lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_shown_line_by_line_and_never_without_end() {
        let body = |text: &str| Body::of(&Untrusted::new(text));
        assert_eq!(
            body(r#"{"id":7,"x":"a\u001b[31mb"}"#).lines,
            ["{", "  \"id\": 7,", "  \"x\": \"a\\u001b[31mb\"", "}"]
        );
        assert_eq!(body("\u{1b}[2Jno\u{202e}t").lines, ["^[[2Jnot"], "what is no JSON is shown as it came, harmless");
        let long = body(&format!(r#"{{"x":"{}"}}"#, "y".repeat(1 << 20)));
        assert!(long.lines.len() == BODY_LINES && long.lines.iter().all(|line| line.chars().count() <= BODY_COLUMNS));
        assert_eq!(long.cut, 3 + ((1 << 20) + 9 - 1) / BODY_COLUMNS - BODY_LINES);
    }
}
