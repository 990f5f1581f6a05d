//! A difference in sentences.

use super::{Change, Difference, What};

/// Layers of other shapes that are listed; of more only the number is told.
const SHAPES: usize = 5;
/// Places of one change that are listed; of more the first and the last.
const PLACES: usize = 6;

/// The difference as a person would tell it. `grouped` writes numbers.
pub fn render(difference: &Difference, grouped: &dyn Fn(u64) -> String) -> String {
    let (before, after) = (&difference.before, &difference.after);
    let says = Words { grouped };
    let mut text = match difference.changes.as_slice() {
        [] if difference.shapes.is_empty() => {
            return format!("{} and {} are the same net.\n", before.net, after.net);
        }
        [] => format!("{} and {} have the same layers.\n", before.net, after.net),
        [only] => format!(
            "{} is {} but for one thing: {}.\n",
            after.net,
            before.net,
            says.sentence(only)
        ),
        changes => {
            let mut text = format!("{} is {} but for this:\n", after.net, before.net);
            for change in changes {
                text.push_str(&format!("- {}\n", says.sentence(change)));
            }
            text
        }
    };
    let further = says.costs(difference.further_params, difference.further_macs);
    if !further.is_empty() {
        let subject = "That unchanged layers work on other shapes";
        text.push_str(&format!("{subject} {further}.\n"));
    }
    text.push_str(&shapes(difference));
    text
}

struct Words<'a> {
    grouped: &'a dyn Fn(u64) -> String,
}

impl Words<'_> {
    fn sentence(&self, change: &Change) -> String {
        let mut text = clause(change);
        let costs = self.costs(change.params, change.macs);
        if !costs.is_empty() {
            text.push_str(&format!(", which {costs}"));
        }
        text
    }

    /// `adds 18,992,128 parameters and 3,739,090,944 MACs`
    fn costs(&self, params: i64, macs: i64) -> String {
        let verb = |n: i64| if n < 0 { "saves" } else { "adds" };
        let amount = |n: i64, unit: &str| format!("{} {unit}", (self.grouped)(n.unsigned_abs()));
        let parameters = amount(params, "parameters");
        let work = amount(macs, "MACs");
        match (params, macs) {
            (0, 0) => String::new(),
            (n, 0) => format!("{} {parameters}", verb(n)),
            (0, n) => format!("{} {work}", verb(n)),
            (n, m) if (n < 0) == (m < 0) => format!("{} {parameters} and {work}", verb(n)),
            (n, m) => format!("{} {parameters} but {} {work}", verb(n), verb(m)),
        }
    }
}

fn clause(change: &Change) -> String {
    let places = places(&change.places);
    let many = change.places.len() > 1;
    let (is, each) = match many {
        true => ("are", " each"),
        false => ("is", ""),
    };
    match &change.what {
        What::Repeats {
            block,
            before,
            after,
        } => {
            let verb = if many { "repeat" } else { "repeats" };
            format!("{places} {verb} {block} {after} times instead of {before}{each}")
        }
        What::MadeOf { before, after } => {
            format!("{places} {is} made of {after} instead of {before}")
        }
        What::Call { before, after } | What::Layer { before, after } => {
            format!("{places} {is} {after} instead of {before}")
        }
        What::Label { before, after } => format!("{before} is called {after}"),
        What::Reads { before, after } => {
            let verb = if many { "work" } else { "works" };
            format!("{places} {verb} on {after} instead of {before}")
        }
        What::Added { after } => {
            let verb = if after.len() > 1 || many { "are" } else { "is" };
            format!("{} {verb} new{}", listed(after), at(&change.places, after))
        }
        What::Removed { before } => {
            let verb = if before.len() > 1 || many {
                "are"
            } else {
                "is"
            };
            format!(
                "{} {verb} gone{}",
                listed(before),
                at(&change.places, before)
            )
        }
        What::Rewritten { block } => {
            let what = match block.as_str() {
                "" => String::new(),
                block => format!(" ({block})"),
            };
            let verb = if many { "have" } else { "has" };
            format!("{places}{what} {verb} another body throughout")
        }
        What::Input { before, after } => {
            format!("the input {places} is {after} instead of {before}")
        }
        What::Outputs { before, after } => {
            format!(
                "the outputs are {} instead of {}",
                listed(after),
                listed(before)
            )
        }
    }
}

/// Where something came or went, unless its label says so already.
fn at(places: &[String], what: &[String]) -> String {
    let says_so = |place: &String| what.iter().any(|w| w.starts_with(&format!("{place}:")));
    match places.iter().all(says_so) {
        true => String::new(),
        false => format!(" (at {})", self::places(places)),
    }
}

fn places(places: &[String]) -> String {
    let named: Vec<String> = places
        .iter()
        .map(|place| match place.as_str() {
            "" => "the net".to_owned(),
            place => place.to_owned(),
        })
        .collect();
    match named.as_slice() {
        [first, .., last] if named.len() > PLACES => {
            format!("{first} … {last} ({} places)", named.len())
        }
        named => listed(named),
    }
}

/// `a, b and c`
fn listed(words: &[String]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn shapes(difference: &Difference) -> String {
    let shapes = &difference.shapes;
    if shapes.is_empty() {
        return String::new();
    }
    let shown = shapes
        .iter()
        .take(SHAPES)
        .map(|s| format!("- {} gives {} instead of {}\n", s.layer, s.after, s.before));
    let rest = match shapes.len().saturating_sub(SHAPES) {
        0 => String::new(),
        more => format!("- and {more} more\n"),
    };
    let n = shapes.len();
    let layers = if n == 1 { "layer gives" } else { "layers give" };
    format!(
        "{n} {layers} another shape:\n{}{rest}",
        shown.collect::<String>()
    )
}
