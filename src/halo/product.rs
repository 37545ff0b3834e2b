//! The name under which a Halo is sold: its own screens go by it.

use std::fmt;

use crate::domain::untrusted::Untrusted;

/// A name of Halo's: Halo PSA, HaloITSM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product(String);

/// The name that hints are written with.
const USUAL: &str = "Halo PSA";

/// Longer ones are no name.
const LONGEST: usize = 40;

impl Default for Product {
    fn default() -> Self {
        Self(USUAL.to_owned())
    }
}

impl Product {
    /// The one that Halo names; none where that is no name.
    pub fn named(told: &Untrusted) -> Option<Self> {
        let name = told.display().trim().to_owned();
        (!name.is_empty() && name.chars().count() <= LONGEST).then_some(Self(name))
    }

    /// The one that is sold at an address, until Halo itself says more.
    pub fn at(host: &str) -> Self {
        let is_below = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
        match () {
            () if is_below("haloitsm.com") => Self("HaloITSM".to_owned()),
            () if is_below("haloservicedesk.com") => Self("Halo Service Desk".to_owned()),
            () => Self::default(),
        }
    }

    /// A hint, with this name in the place of the usual one.
    pub fn in_words(&self, hint: &str) -> String {
        let closed_up: String = self.0.split_whitespace().collect();
        hint.replace("Halo PSA API", &format!("{self} API"))
            .replace("HaloPSA Administrator", &format!("{closed_up} Administrator"))
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_menu_of_product_in_use() {
        let hint = "Configuration › Integrations › Halo PSA API; \"Is a HaloPSA Administrator\"";
        assert_eq!(Product::default().in_words(hint), hint);
        let other = "Configuration › Integrations › HaloITSM API; \"Is a HaloITSM Administrator\"";
        assert_eq!(Product::at("acme.haloitsm.com").in_words(hint), other);
        assert_eq!(Product::named(&" HaloITSM ".into()).unwrap().in_words(hint), other);
        assert_eq!(Product::at("haloitsm.com.evil.example"), Product::default());
        assert_eq!((Product::named(&" ".into()), Product::named(&"x".repeat(41).into())), (None, None));
    }
}
