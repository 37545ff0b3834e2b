//! Settings out of the environment: a variable for each goes before the file, and is never saved.

use super::environment::Environment;
use crate::domain::configuration::Configuration;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::{FIELDS, FieldInfo};

/// Each setting that a variable can give, with its name: `api.url` is `PIA_HALO_API_URL`. The agent of Pia Escalate To is
/// chosen from Halo's, so there is none for it.
pub fn variables() -> impl Iterator<Item = (String, &'static FieldInfo)> {
    let fields = FIELDS.iter().filter(|info| info.is_line() && !info.key.is_empty());
    fields.map(|info| (format!("PIA_HALO_{}", info.key.replace('.', "_").to_uppercase()), info))
}

/// The variables that are set, each with its setting and its value.
pub fn set_variables(environment: &Environment) -> impl Iterator<Item = (String, &'static FieldInfo, &str)> {
    variables().filter_map(|(name, info)| {
        let text = environment.text(&name)?;
        Some((name, info, text))
    })
}

/// A saved configuration with what they give in its place.
///
/// # Errors
///
/// [`FailureKind::Usage`] with the name of the variable that is no value of its setting.
pub fn with_variables(environment: &Environment, mut saved: Configuration) -> Result<Configuration, Failure> {
    for (name, info, text) in set_variables(environment) {
        let refused = |why: String| Failure::new(FailureKind::Usage, format!("{name}: {why}"));
        info.take(text).map_err(|refused_for| refused(refused_for.why))?;
        (info.set)(&mut saved, text);
    }
    Ok(saved)
}

/// An environment in which none of them is set: for whoever changes what is saved.
#[must_use]
pub fn without_variables(environment: &Environment) -> Environment {
    variables().fold(environment.clone(), |environment, (name, _)| environment.without(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::HaloUrl;
    use crate::domain::configuration::ApiCredentials;

    fn configuration() -> Configuration {
        Configuration::new(ApiCredentials::new(HaloUrl::read("https://acme.halopsa.com").unwrap().address, "id"))
    }

    #[test]
    fn every_setting_has_variable_that_sets_it() {
        for (name, info) in variables() {
            let own = with_variables(&Environment::from_pairs([(&name, info.example)]), configuration()).unwrap();
            let mut wanted = configuration();
            (info.set)(&mut wanted, info.example);
            assert_eq!((info.get)(&own), (info.get)(&wanted), "{name}");
            assert!(!(info.get)(&own).is_empty(), "{name}");
        }
        let names: Vec<String> = variables().map(|(name, _)| name).collect();
        assert_eq!(names.len(), FIELDS.len() - 3, "all but secret, token and agent: {names:?}");
        assert!(names.contains(&"PIA_HALO_COMPANY_SYNC_DAILY_SYNC_TIME".to_owned()), "{names:?}");
    }

    #[test]
    fn wrong_variable_is_refused_by_name_and_blank_one_counts_as_unset() {
        let time = "PIA_HALO_COMPANY_SYNC_DAILY_SYNC_TIME";
        let failure = with_variables(&Environment::from_pairs([(time, "25:00")]), configuration()).unwrap_err();
        assert!(failure.message.starts_with(&format!("{time}: ")), "{failure}");
        let set = Environment::from_pairs([(time, " "), ("PIA_HALO_NAME", "Other")]);
        let own = with_variables(&set, configuration()).unwrap();
        assert_eq!(
            (own.name.as_str(), &own),
            ("Other", &Configuration { name: "Other".to_owned(), ..configuration() })
        );
        assert_eq!(set_variables(&without_variables(&set)).count(), 0);
    }
}
