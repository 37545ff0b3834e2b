//! `report`: a month on one page, for those who look after the integration together.

use super::Call;
use super::args::{PageFormat, Report};
use crate::domain::failure::Failure;
use crate::ops;
use crate::words::report::{Form, page};

pub(super) fn run(call: &mut Call, options: &Report) -> Result<u8, Failure> {
    let workspace = call.look()?;
    let (id, _, _) = call.chosen(&workspace)?;
    let report = ops::report::of(&workspace, &id, options.month)?;
    let page = page(&report, if options.format == PageFormat::Html { Form::Html } else { Form::Markdown });
    match &options.output {
        Some(path) => {
            ops::report::write(path, &page)?;
            call.output.say(format!("{} written: {}", path.display(), report.month.name()));
        }
        None => call.output.line(page.trim_end()),
    }
    Ok(0)
}
