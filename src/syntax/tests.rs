use super::*;
use crate::source::FileId;
#[test]
fn probe() {
    let text = std::fs::read_to_string("/tmp/probe.net").unwrap();
    for chunk in text.split("----\n") {
        let (_file, ds) = parse(FileId(0), chunk);
        for d in ds { let l = d.primary.as_ref().unwrap(); println!("{:?} => {} | {} | {}", &chunk[l.span.start as usize..].chars().take(25).collect::<String>(), d.code.id, d.message, l.message); }
    }
}
