//! Who acts: the person behind the account that the program runs under, by what the kernel and the password database
//! say. No variable that anybody can set gives a name.

use std::collections::BTreeSet;
use std::fs;

use rustix::fs::fstat;
use rustix::process::getuid;
use rustix::termios::ttyname;

use crate::domain::activity::Actor;
use crate::settings::Environment;

const ROOT: u32 = 0;

/// Steps from a process to its first ancestor; a circle cannot be, but a file can say anything.
const ANCESTORS: usize = 64;

/// What is known about this process.
#[derive(Clone, Debug, Default)]
struct Facts {
    /// The account that the program runs under.
    uid: u32,
    /// Who logged in, as the kernel's audit noted it: no `sudo` or `su` changes that, and nobody but root can.
    login_uid: Option<u32>,
    /// The accounts of the processes that started this one.
    ancestors: BTreeSet<u32>,
    terminal: Option<Terminal>,
    sudo: Option<Sudo>,
    ssh_from: Option<String>,
}

/// The terminal that the person sits at.
#[derive(Clone, Debug)]
struct Terminal {
    name: String,
    owner: u32,
}

/// Who called `sudo`, by its own variables.
#[derive(Clone, Debug)]
struct Sudo {
    uid: u32,
    user: String,
}

/// Who acts in this process.
pub(super) fn actor_of(environment: &Environment) -> Actor {
    actor(&Facts::read(environment), login_name)
}

/// The strongest proof first: the audit's login, then `sudo`'s word, then whose terminal it is, as `su` leaves it. With
/// none of them, as under cron or systemd, the account itself acts.
fn actor(facts: &Facts, name_of: impl Fn(u32) -> Option<String>) -> Actor {
    let numbered = |uid| name_of(uid).unwrap_or_else(|| format!("uid {uid}"));
    let account = numbered(facts.uid);
    let logged_in = facts.login_uid.and_then(&name_of);
    let sudo = facts.sudo.as_ref().filter(|sudo| is_believed(sudo, facts, name_of(sudo.uid)));
    let owner = facts.terminal.as_ref().map(|terminal| terminal.owner).filter(|owner| *owner != ROOT);
    let user = logged_in
        .or_else(|| sudo.map(|sudo| sudo.user.clone()))
        .or_else(|| owner.and_then(&name_of))
        .unwrap_or_else(|| account.clone());
    Actor {
        acting_as: (user != account).then_some(account),
        user,
        login_uid: facts.login_uid,
        ssh_from: facts.ssh_from.clone(),
        terminal: facts.terminal.as_ref().map(|terminal| terminal.name.clone()),
    }
}

/// Anybody can set variables that look like `sudo`'s. Name and number have to agree, and a process of that account has to
/// be among those that led here; root could forge everything anyway.
fn is_believed(sudo: &Sudo, facts: &Facts, name: Option<String>) -> bool {
    name.as_deref() == Some(sudo.user.as_str()) && (facts.uid == ROOT || facts.ancestors.contains(&sudo.uid))
}

impl Facts {
    fn read(environment: &Environment) -> Self {
        let number = |name| environment.text(name)?.parse().ok();
        let sudo = || Some(Sudo { uid: number("SUDO_UID")?, user: environment.text("SUDO_USER")?.to_owned() });
        Self {
            uid: getuid().as_raw(),
            login_uid: login_uid(fs::read_to_string("/proc/self/loginuid").ok().as_deref()),
            ancestors: ancestors(),
            terminal: terminal(),
            sudo: sudo(),
            ssh_from: ["SSH_CONNECTION", "SSH_CLIENT"].into_iter().find_map(|name| address_of(environment.text(name)?)),
        }
    }
}

/// Nobody has logged in where the kernel has noted -1.
fn login_uid(noted: Option<&str>) -> Option<u32> {
    noted?.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

fn login_name(uid: u32) -> Option<String> {
    uzers::get_user_by_uid(uid).map(|user| user.name().to_string_lossy().into_owned())
}

fn terminal() -> Option<Terminal> {
    let (stdin, stdout, stderr) = (rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr());
    [stdin, stdout, stderr].into_iter().find_map(|stream| {
        let name = ttyname(stream, Vec::new()).ok()?.to_string_lossy().into_owned();
        let owner = fstat(stream).ok()?.st_uid;
        Some(Terminal { name: name.trim_start_matches("/dev/").to_owned(), owner })
    })
}

/// The real users of the processes above this one, as far as they may be looked at.
fn ancestors() -> BTreeSet<u32> {
    let parent_and_user = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u32>().ok()
        };
        Some((number("PPid:")?, number("Uid:")?))
    };
    let own = std::process::id();
    let above = std::iter::successors(parent_and_user(&own), |(parent, _)| parent_and_user(parent));
    above.take(ANCESTORS).skip(1).map(|(_, user)| user).collect()
}

/// The address that an SSH session comes from; the ports behind it and whatever is no address are left out.
fn address_of(session: &str) -> Option<String> {
    let first = session.split_whitespace().next()?;
    // A link-local address carries the name of an interface.
    let plain = first.split('%').next()?;
    plain.parse::<std::net::IpAddr>().ok().map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DANA: u32 = 1000;
    const FOX: u32 = 1001;
    const SERVICE: u32 = 998;

    fn name_of(uid: u32) -> Option<String> {
        [(ROOT, "root"), (DANA, "dana"), (FOX, "fox"), (SERVICE, "pia-halo")]
            .into_iter()
            .find_map(|(number, name)| (number == uid).then(|| name.to_owned()))
    }

    fn sudo(uid: u32, user: &str) -> Option<Sudo> {
        Some(Sudo { uid, user: user.to_owned() })
    }

    fn at(owner: u32) -> Option<Terminal> {
        Some(Terminal { name: "pts/3".to_owned(), owner })
    }

    /// Ten ways to become an account, on hosts whose kernel notes the login and on those that do not.
    #[test]
    fn ten_ways_to_account_give_ten_true_names() {
        let by = |uid, login_uid, ancestors: &[u32]| Facts {
            uid,
            login_uid,
            ancestors: ancestors.iter().copied().collect(),
            ..Facts::default()
        };
        let ssh = Some("192.0.2.7".to_owned());
        let ways: [(&str, Facts, &str); 16] = [
            ("login", Facts { terminal: at(DANA), ..by(DANA, Some(DANA), &[ROOT, DANA]) }, "dana"),
            ("login without audit", Facts { terminal: at(DANA), ..by(DANA, None, &[ROOT, DANA]) }, "dana"),
            ("ssh host command", Facts { ssh_from: ssh, ..by(DANA, Some(DANA), &[ROOT, DANA]) }, "dana"),
            (
                "sudo -u pia-halo",
                Facts { sudo: sudo(DANA, "dana"), ..by(SERVICE, Some(DANA), &[ROOT, DANA]) },
                "dana as pia-halo",
            ),
            (
                "sudo -u pia-halo without audit",
                Facts { sudo: sudo(DANA, "dana"), ..by(SERVICE, None, &[ROOT, DANA]) },
                "dana as pia-halo",
            ),
            ("sudo", Facts { sudo: sudo(DANA, "dana"), ..by(ROOT, None, &[ROOT, DANA]) }, "dana as root"),
            (
                "sudo behind sudo",
                Facts { sudo: sudo(FOX, "fox"), ..by(SERVICE, Some(DANA), &[ROOT, DANA, FOX]) },
                "dana as pia-halo",
            ),
            ("su - pia-halo", Facts { terminal: at(DANA), ..by(SERVICE, Some(DANA), &[ROOT]) }, "dana as pia-halo"),
            (
                "su - pia-halo without audit",
                Facts { terminal: at(DANA), ..by(SERVICE, None, &[ROOT]) },
                "dana as pia-halo",
            ),
            ("sudo su", by(ROOT, Some(DANA), &[ROOT, DANA]), "dana as root"),
            ("cron", by(SERVICE, Some(SERVICE), &[ROOT]), "pia-halo"),
            ("cron without audit", by(SERVICE, None, &[ROOT]), "pia-halo"),
            ("systemd", by(SERVICE, None, &[ROOT]), "pia-halo"),
            ("a container's root", Facts { terminal: at(ROOT), ..by(ROOT, None, &[ROOT]) }, "root"),
            ("an account without an entry", by(4242, None, &[]), "uid 4242"),
            ("a login without an entry", by(SERVICE, Some(4242), &[]), "pia-halo"),
        ];
        for (way, facts, who) in ways {
            assert_eq!(actor(&facts, name_of).account(), who, "{way}");
        }
    }

    #[test]
    fn variables_of_sudo_alone_prove_nothing() {
        let dana = Facts { uid: DANA, ancestors: BTreeSet::from([ROOT, DANA]), ..Facts::default() };
        for forged in [sudo(FOX, "fox"), sudo(FOX, "the-ceo"), sudo(DANA, "fox"), sudo(4242, "the-ceo")] {
            let facts = Facts { sudo: forged.clone(), ..dana.clone() };
            assert_eq!(actor(&facts, name_of).account(), "dana", "{forged:?}");
        }
        let root = Facts { uid: ROOT, sudo: sudo(DANA, "the-ceo"), ..Facts::default() };
        assert_eq!(actor(&root, name_of).account(), "root");
    }

    #[test]
    fn login_uid_is_none_where_nobody_logged_in() {
        assert_eq!(login_uid(Some("4294967295\n")), None);
        assert_eq!(login_uid(Some("1000\n")), Some(1000));
        assert_eq!(login_uid(None), None);
    }
}
