use super::*;
#[test]
fn probe() {
    let text = std::fs::read_to_string("/tmp/probe.net").unwrap();
    for chunk in text.split("----\n") {
        let mut m = crate::source::SourceMap::new();
        let id = m.add("a.net", chunk);
        let (_file, ds) = parse(id, chunk);
        print!("{}", crate::diagnostic::render_text(&ds, &m, false));
    }
}
