//! What to have at hand before beginning.

/// One thing to have at hand.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    pub what: &'static str,
    /// Where it is found, a sentence each.
    pub where_: &'static [&'static str],
}

pub const NEEDS: [Need; 5] = [
    Need { what: "Url", where_: &["Your Halo's address, such as https://yourcompany.halopsa.com"] },
    Need {
        what: "An API application in Halo",
        where_: &[
            "Configuration › Integrations › Halo PSA API › View Applications › New",
            "Method: Client ID and Secret (Services)   Login Type: Agent",
            "Active, with the permission: all",
        ],
    },
    Need { what: "Its Client ID", where_: &["Copy it after saving the application: it changes on the first save"] },
    Need { what: "Its Client Secret", where_: &["Shown once, when you create the application"] },
    Need {
        what: "The agent it logs in as",
        where_: &["Administrator, in all teams, all clients; API-only takes no licence"],
    },
];
