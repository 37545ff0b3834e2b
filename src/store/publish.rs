//! Publishing: the pages of a run become the stored clients, in one step, and what changed is written down.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;

use super::changes::Report;
use super::checkpoint::{Clients, Parts, TraitParts};
use super::clients::{counts, status};
use super::database::{Database, args};
use super::error::Trouble;
use super::lists::{self, FreshLists};
use super::runs::{baseline, end};
use super::{RunId, Store, StoreError, outbox, time_out};
use crate::domain::client::{Client, ClientStatus, DisabledReason, Traits};
use crate::domain::configuration::ConfigurationId;
use crate::domain::include::IncludeRule;
use crate::domain::status::ClientCounts;
use crate::domain::sync_run::{Brake, ChangeCounts, ChangeKind, ClientChange, SyncReport};
use crate::domain::untrusted::Untrusted;

/// What is stored of each client, in little room: enough to tell whether a row of Halo's is as it is stored.
#[derive(Debug, Default)]
pub struct Known {
    clients: Vec<KnownClient>,
    keys: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct KnownClient {
    id: i64,
    /// A print of the whole row; none where the row has to be written anew whatever Halo says.
    print: Option<u64>,
    gone: bool,
    /// Not in use for another reason: Halo has it as inactive, or the rule leaves it out.
    unused: bool,
}

impl Known {
    fn print(&self, parts: Parts<'_>) -> u64 {
        self.keys.hash_one(parts)
    }

    fn get(&self, id: i64) -> Option<&KnownClient> {
        let at = self.clients.binary_search_by_key(&id, |known| known.id).ok()?;
        self.clients.get(at)
    }

    /// Whether a client is stored exactly as Halo has just listed it.
    pub fn has(&self, client: &Client) -> bool {
        let print = self.get(client.id).and_then(|known| known.print);
        print.is_some_and(|print| print == self.print(parts(client)))
    }

    /// Whether Halo has listed a client that is stored, and its row has no name: a cut row, as Halo has no client without one.
    pub fn lacks_name(&self, client: &Client) -> bool {
        client.name.is_blank() && self.get(client.id).is_some() && !self.has(client)
    }

    /// Whether a client was in use before this run.
    fn was_in_use(&self, client: i64) -> bool {
        self.get(client).is_some_and(|known| !known.gone && !known.unused)
    }

    /// The clients that a sync has to find again by id, ascending, each with whether it is in use.
    pub fn expected(&self) -> impl Iterator<Item = (i64, bool)> {
        self.clients.iter().filter(|known| !known.gone).map(|known| (known.id, !known.unused))
    }
}

fn parts(client: &Client) -> Parts<'_> {
    (
        client.name.raw(),
        client.toplevel.as_ref().map(Untrusted::raw),
        client.main_site.as_ref().map(Untrusted::raw),
        client.inactive,
        trait_parts(&client.traits),
    )
}

fn trait_parts(traits: &Traits) -> TraitParts<'_> {
    (traits.toplevel_id, traits.customer_type, traits.fields.as_deref())
}

/// Pages that a server is asked for at once.
const PAGES_AT_ONCE: usize = 64;

/// Which pages of a run are taken for what Halo has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Those of the one look that was proved, by its number.
    Look(u32),
    /// Those of all looks: none was proved, and each may have seen what the others missed.
    Everything,
}

/// What is to be published.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The pages that hold.
    pub evidence: Evidence,
    /// The stored clients that these pages do not show.
    pub unseen: &'a [i64],
    /// Those of them that are gone for certain. Nobody else is disabled.
    pub gone: &'a [i64],
    /// How many stored clients they show without a row that could be read: nobody can say that these are unchanged.
    pub unread: u64,
    /// Whether the stored list is every client that Halo has, once this is published.
    pub proved: bool,
    /// The lists beside the clients.
    pub fresh: FreshLists<'a>,
    /// Which clients Pia serves: the others are kept as left out.
    pub rule: &'a IncludeRule,
    /// What becomes of it where many go out of use.
    pub brake: Brake,
}

impl Store {
    /// What is stored of the clients of a configuration, to compare Halo's rows with.
    pub fn known(&self, id: &ConfigurationId) -> Result<Known, StoreError> {
        self.ask(|db| {
            let sql = "SELECT id, name, toplevel, main_site, inactive, gone, last_seen IS NOT NULL, toplevel_id, customer_type,
                        custom_fields, left_out
                 FROM clients WHERE configuration = ?1 ORDER BY id";
            let mut known = Known::default();
            db.each(sql, args![id.as_str()], |row| {
                let text = |column: usize| row.get::<Option<Cow<'_, str>>>(column);
                let (name, toplevel, main_site, fields) = (row.get::<Cow<'_, str>>(1)?, text(2)?, text(3)?, text(9)?);
                let (inactive, gone, unseen): (bool, bool, bool) = (row.get(4)?, row.get(5)?, row.get(6)?);
                let traits = (row.get(7)?, row.get(8)?, fields.as_deref());
                let parts = (&*name, toplevel.as_deref(), main_site.as_deref(), inactive, traits);
                let print = (!gone && !unseen).then(|| known.print(parts));
                let unused = inactive || row.get(10)?;
                known.clients.push(KnownClient { id: row.get(0)?, print, gone, unused });
                Ok(())
            })?;
            Ok(known)
        })
    }

    /// Makes what a run has staged the stored clients and ends the run with the report that `tell` makes of it, in one
    /// step: a reader sees all of it or nothing. A client that is gone is disabled as "no longer in Halo"; none is ever
    /// deleted. Rows that stay as they are, are not written. What is `known` was read since the run was begun.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here, has ended, was taken for dead by another program, or read
    /// another Halo than the one that is configured now. [`StoreError::Held`] where the brake holds it. Nothing is changed
    /// then, nor with any other error.
    pub fn publish(
        &self,
        run: RunId,
        known: &Known,
        publication: &Publication<'_>,
        now: Timestamp,
        tell: impl FnOnce(ChangeCounts, ClientCounts) -> SyncReport,
    ) -> Result<SyncReport, StoreError> {
        self.with(|inner| {
            let id = inner.owner(run)?;
            let report = self.write_in(&mut inner.database, |db| {
                let sql = "SELECT baseline FROM runs WHERE id = ?1 AND status IS NULL";
                let began_with: Option<Option<String>> = db.first(sql, args![run.0], |row| row.get(0))?;
                // Ids of one Halo mean nothing in another: what was read of the one is not what the other has.
                if began_with.flatten() != Some(baseline(db, &id)?) {
                    return Err(Trouble::RunGone);
                }
                let mut work = Work {
                    db,
                    id: &id,
                    known,
                    now: time_out(now),
                    counts: ChangeCounts::default(),
                    settled: HashSet::new(),
                    differed: 0,
                    report: Report::new(db, run),
                    noted: HashSet::new(),
                };
                db.plan_once()?;
                work.disable(publication)?;
                work.take_over(run, publication.evidence)?;
                work.apply_rule(publication)?;
                work.brake(publication.brake)?;
                let changes = work.finish(run, publication)?;
                lists::replace(db, &id, publication.fresh, now)?;
                let report = tell(changes, counts(db, &id)?);
                end(db, run, &report)?;
                Ok(report)
            })?;
            inner.open_runs.remove(&run);
            Ok(report)
        })
    }
}

/// The columns of a new client. What Halo knows of it comes last.
const COLUMNS: [&str; 11] = [
    "configuration",
    "first_seen",
    "gone",
    "id",
    "name",
    "toplevel",
    "main_site",
    "inactive",
    "toplevel_id",
    "customer_type",
    "custom_fields",
];

struct Work<'a> {
    db: &'a Database,
    id: &'a ConfigurationId,
    known: &'a Known,
    now: String,
    counts: ChangeCounts,
    /// Clients that were taken over already: one that was listed twice counts once, and its last form holds.
    settled: HashSet<i64>,
    /// Expected clients that were seen and are different now.
    differed: u64,
    report: Report<'a>,
    /// Known clients that the report speaks of.
    noted: HashSet<i64>,
}

impl Work<'_> {
    /// Missing ones first, while the time at which they were last seen is still known.
    fn disable(&mut self, publication: &Publication<'_>) -> Result<(), Trouble> {
        let id = self.id.as_str();
        let mut last_seen = self.db.prepare(
            "UPDATE clients SET last_seen = coalesce((SELECT published_at FROM configurations WHERE id = ?1), first_seen)
             WHERE configuration = ?1 AND id = ?2 AND last_seen IS NULL",
        )?;
        for client in publication.unseen {
            last_seen.execute(args![id, *client])?;
        }
        let mut gone = self.db.prepare(
            "UPDATE clients SET gone = 1 WHERE configuration = ?1 AND id = ?2 AND gone = 0
             RETURNING name, inactive = 1 OR left_out = 1",
        )?;
        for client in publication.gone {
            let found = gone.first(args![id, *client], |row| Ok((row.get::<String>(0)?, row.get(1)?)))?;
            if let Some((name, unused)) = found {
                // One that was not in use before is not in use now for another reason.
                match unused {
                    true => self.note(*client, ChangeKind::Changed, &name, None)?,
                    false => self.note_disabled(*client, &name, None, DisabledReason::NoLongerInHalo)?,
                }
            }
        }
        Ok(())
    }

    fn take_over(&mut self, run: RunId, evidence: Evidence) -> Result<(), Trouble> {
        let (first, last) = match evidence {
            Evidence::Look(look) => (look, look),
            Evidence::Everything => (0, u32::MAX),
        };
        // What was asked for one by one was asked for last.
        let db = self.db;
        let sql =
            "SELECT look, page FROM pages WHERE run = ?1 AND look BETWEEN ?2 AND ?3 ORDER BY look, page = 0, page";
        let pages = db.rows(sql, args![run.0, first, last], |row| Ok((row.get::<u32>(0)?, row.get::<u32>(1)?)))?;
        // In a file there is nothing to be won by that, and each would be in memory.
        for some in pages.chunks(if db.is_file() { 1 } else { PAGES_AT_ONCE }) {
            let some: Vec<_> = some.iter().map(|(look, page)| [run.0.into(), (*look).into(), (*page).into()]).collect();
            // Taken over, it is no use any more, and its room is for the clients: otherwise the file would grow by both.
            let sql = "DELETE FROM pages WHERE run = ?1 AND look = ?2 AND page = ?3 RETURNING content";
            let contents = db.first_of_each(sql, &some, |row| row.get::<String>(0))?;
            let pages: Result<Vec<_>, _> = contents.iter().flatten().map(|content| Clients::of(content)).collect();
            self.take_pages(&pages?)?;
        }
        Ok(())
    }

    fn take_pages(&mut self, pages: &[Clients<'_>]) -> Result<(), Trouble> {
        let clients = pages.iter().flat_map(Clients::each);
        let (new, others): (Vec<_>, Vec<_>) =
            clients.partition(|(client, _)| self.known.get(*client).is_none() && self.settled.insert(*client));
        let (db, now) = (self.db, self.now.clone());
        let mut values = Vec::with_capacity(new.len() * COLUMNS.len());
        for (client, (name, toplevel, main_site, inactive, (toplevel_id, customer_type, fields))) in &new {
            values.extend_from_slice(args![self.id.as_str(), &now, false]);
            values.extend_from_slice(args![*client, *name, *toplevel, *main_site, *inactive]);
            values.extend_from_slice(args![*toplevel_id, *customer_type, *fields]);
        }
        db.add_rows("clients", &COLUMNS, &values, || {
            new.iter().try_for_each(|(client, (name, ..))| self.note(*client, ChangeKind::Added, name, None))
        })?;
        others.into_iter().try_for_each(|(client, parts)| self.take(client, parts))
    }

    fn take(&mut self, client: i64, parts: Parts<'_>) -> Result<(), Trouble> {
        let (now_name, now_toplevel, now_site, now_inactive, (now_top, now_type, now_fields)) = parts;
        let first_time = self.settled.insert(client);
        let id = self.id.as_str();
        let mut stored = self.db.prepare(
            "SELECT name, toplevel, main_site, inactive, gone, left_out FROM clients WHERE configuration = ?1 AND id = ?2",
        )?;
        type Before = (String, Option<String>, Option<String>, bool, bool, bool);
        let before: Option<Before> = stored.first(args![id, client], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })?;
        let (name, toplevel, main_site, inactive, gone, left_out) = before.ok_or(Trouble::Content("a client"))?;
        let before = (name.as_str(), toplevel.as_deref(), main_site.as_deref(), inactive);
        // What only the rule asks for is no change of its own: that it is left out, or not any more, is.
        let differs = gone || before != (now_name, now_toplevel, now_site, now_inactive);
        if first_time && differs {
            // Whether the rule leaves it out is looked at later.
            let change = match (!gone && !inactive || left_out, !now_inactive || left_out) {
                (false, true) => ChangeKind::Returned,
                (true, false) => ChangeKind::Disabled,
                _ if name != now_name => ChangeKind::Renamed,
                _ => ChangeKind::Changed,
            };
            self.differed += u64::from(!gone);
            let before = (name != now_name).then_some(name.as_str());
            match change {
                ChangeKind::Disabled => self.note_disabled(client, now_name, before, DisabledReason::InactiveInHalo)?,
                _ => self.note(client, change, now_name, before)?,
            }
        }
        let mut update = self.db.prepare(
            "UPDATE clients SET name = ?3, toplevel = ?4, main_site = ?5, inactive = ?6, gone = 0, last_seen = NULL,
                toplevel_id = ?7, customer_type = ?8, custom_fields = ?9
             WHERE configuration = ?1 AND id = ?2",
        )?;
        let name = now_name;
        update.execute(args![id, client, name, now_toplevel, now_site, now_inactive, now_top, now_type, now_fields])?;
        Ok(())
    }

    /// Leaves out whom the rule does not take, and takes back whom it does.
    fn apply_rule(&mut self, publication: &Publication<'_>) -> Result<(), Trouble> {
        let rule = publication.rule;
        let mut flips = Vec::new();
        let sql =
            "SELECT id, name, toplevel, toplevel_id, customer_type, custom_fields, left_out, inactive = 0 AND gone = 0
             FROM clients WHERE configuration = ?1 AND (left_out = 1 OR ?2 = 1)";
        self.db.each(sql, args![self.id.as_str(), !rule.takes_all()], |row| {
            let toplevel: Option<String> = row.get(2)?;
            let traits = Traits { toplevel_id: row.get(3)?, customer_type: row.get(4)?, fields: row.get(5)? };
            let (left_out, would_serve): (bool, bool) = (row.get(6)?, row.get(7)?);
            let leave_out = !rule.takes_one(toplevel.as_deref(), &traits);
            if leave_out != left_out {
                flips.push((row.get::<i64>(0)?, row.get::<String>(1)?, leave_out, would_serve));
            }
            Ok(())
        })?;
        let mut update = self.db.prepare("UPDATE clients SET left_out = ?3 WHERE configuration = ?1 AND id = ?2")?;
        for (client, name, leave_out, would_serve) in flips {
            update.execute(args![self.id.as_str(), client, leave_out])?;
            if !would_serve {
                continue;
            }
            // Whoever is new in this run is told of already.
            if self.known.get(client).is_some() && !self.noted.contains(&client) {
                self.differed += 1;
            }
            // One that is new or back in this run is told as that.
            if leave_out && self.known.was_in_use(client) {
                self.note_disabled(client, &name, None, DisabledReason::LeftOut)?;
            } else if !leave_out {
                self.note(client, ChangeKind::Returned, &name, None)?;
            }
        }
        Ok(())
    }

    /// Holds the run where more clients have gone out of use than one may disable unasked, whatever the reason.
    fn brake(&self, brake: Brake) -> Result<(), Trouble> {
        // Who was not there before cannot go out of use.
        if self.known.clients.is_empty() {
            return Ok(());
        }
        let mut disabling = Vec::new();
        let sql = "SELECT id, name, gone, inactive, left_out FROM clients
             WHERE configuration = ?1 AND (gone = 1 OR inactive = 1 OR left_out = 1) ORDER BY id";
        self.db.each(sql, args![self.id.as_str()], |row| {
            let id = row.get(0)?;
            let status = status(row.get(2)?, row.get(3)?, row.get(4)?);
            if let ClientStatus::Disabled(reason) = status
                && self.known.was_in_use(id)
            {
                disabling.push(ClientChange::disabled(id, row.get::<String>(1)?.into(), reason));
            }
            Ok(())
        })?;
        let active = self.known.expected().filter(|(_, in_use)| *in_use).count() as u64;
        match brake.lets_pass(disabling.len() as u64, Brake::allowed(active)) {
            true => Ok(()),
            false => Err(Trouble::Held { disabling, active }),
        }
    }

    fn note(&mut self, id: i64, change: ChangeKind, name: &str, before: Option<&str>) -> Result<(), Trouble> {
        self.tell(id, change, name, before, None)
    }

    fn note_disabled(
        &mut self,
        id: i64,
        name: &str,
        before: Option<&str>,
        reason: DisabledReason,
    ) -> Result<(), Trouble> {
        self.tell(id, ChangeKind::Disabled, name, before, Some(reason))
    }

    fn tell(
        &mut self,
        id: i64,
        change: ChangeKind,
        name: &str,
        before: Option<&str>,
        reason: Option<DisabledReason>,
    ) -> Result<(), Trouble> {
        let counts = &mut self.counts;
        *match change {
            ChangeKind::Added => &mut counts.added,
            ChangeKind::Renamed | ChangeKind::Changed => &mut counts.updated,
            ChangeKind::Disabled => &mut counts.disabled,
            ChangeKind::Returned => &mut counts.returned,
        } += 1;
        if self.known.get(id).is_some() {
            self.noted.insert(id);
        }
        self.report.push(id, change, name, before, reason)
    }

    fn finish(mut self, run: RunId, publication: &Publication<'_>) -> Result<ChangeCounts, Trouble> {
        let expected = self.known.expected().count() as u64;
        let seen = expected.saturating_sub(publication.unseen.len() as u64);
        self.counts.unchanged = seen.saturating_sub(self.differed + publication.unread);
        self.db.execute(
            "INSERT INTO configurations (id, published_at, proved_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET published_at = excluded.published_at,
                proved_at = coalesce(excluded.proved_at, configurations.proved_at)",
            args![self.id.as_str(), &self.now, publication.proved.then_some(&self.now)],
        )?;
        if self.report.finish()? {
            outbox::keep(self.db, self.id, run, &self.now)?;
        }
        Ok(self.counts)
    }
}
