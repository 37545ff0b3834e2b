//! A text on its way into the person's clipboard (OSC 52), also through what stands between.
//!
//! Nothing answers: whether the terminal took it cannot be known, and nobody is told that it did.

use zeroize::Zeroizing;

/// GNU screen hands on what is wrapped in a device control string, and no more than a line of it at a time.
const SCREEN_PIECE: usize = 240;

/// A program between this one and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplexer {
    /// None that is known of.
    None,
    Tmux,
    Screen,
}

impl Multiplexer {
    /// Decides from whether `TMUX` and `STY` are set. tmux inside screen is tmux: it is the one that reads first.
    pub fn from_values(tmux: bool, screen: bool) -> Self {
        match (tmux, screen) {
            (true, _) => Self::Tmux,
            (false, true) => Self::Screen,
            (false, false) => Self::None,
        }
    }

    /// The bytes that put a text, in base64, into the clipboard.
    pub(super) fn clipboard(self, encoded: &str) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(2 * encoded.len() + 256));
        match self {
            Self::None => extend(&mut out, &["\x1b]52;c;", encoded, "\x1b\\"]),
            // One of its settings lets the plain one in (set-clipboard), another the wrapped one through
            // (allow-passthrough). It drops what it does not let, so both are sent: they say the same.
            Self::Tmux => {
                extend(&mut out, &["\x1b]52;c;", encoded, "\x1b\\"]);
                extend(&mut out, &["\x1bPtmux;\x1b\x1b]52;c;", encoded, "\x07\x1b\\"]);
            }
            Self::Screen => {
                let mut before = "\x1bP\x1b]52;c;";
                for piece in encoded.as_bytes().chunks(SCREEN_PIECE) {
                    extend(&mut out, &[before]);
                    out.extend_from_slice(piece);
                    extend(&mut out, &["\x1b\\"]);
                    before = "\x1bP";
                }
                extend(&mut out, &["\x1bP\x07\x1b\\"]);
            }
        }
        out
    }
}

fn extend(out: &mut Vec<u8>, texts: &[&str]) {
    texts.iter().for_each(|text| out.extend_from_slice(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(multiplexer: Multiplexer, encoded: &str) -> String {
        String::from_utf8(multiplexer.clipboard(encoded).to_vec()).unwrap().replace('\x1b', "ESC")
    }

    #[test]
    fn copy_goes_through_what_stands_between() {
        assert_eq!(sent(Multiplexer::None, "eA=="), "ESC]52;c;eA==ESC\\");
        assert_eq!(sent(Multiplexer::Tmux, "eA=="), "ESC]52;c;eA==ESC\\ESCPtmux;ESCESC]52;c;eA==\x07ESC\\");
        assert_eq!(sent(Multiplexer::Screen, "eA=="), "ESCPESC]52;c;eA==ESC\\ESCP\x07ESC\\");
        assert_eq!(Multiplexer::from_values(true, true), Multiplexer::Tmux);
    }

    /// What screen hands on is what it was given, and each piece is short enough.
    #[test]
    fn long_text_reaches_terminal_behind_screen_whole() {
        let long = "A".repeat(4 * SCREEN_PIECE + 1);
        let sent = sent(Multiplexer::Screen, &long);
        let pieces: Vec<&str> = sent.split("ESC\\").filter(|piece| !piece.is_empty()).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= SCREEN_PIECE + 20), "{pieces:?}");
        let handed_on: String = pieces.iter().map(|piece| piece.strip_prefix("ESCP").unwrap()).collect();
        assert_eq!(handed_on, format!("ESC]52;c;{long}\x07"));
    }
}
