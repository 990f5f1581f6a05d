//! Files of labels: the names of the classes, one a line.

/// The labels of a text, in its order; or the line, from 1, that has none.
///
/// Lines end as on any system, and a byte order mark is no part of the first. White space around a name does not count. Lines at the end that are empty are none: editors add them.
/// An empty line before a name is a fault, because whether it is a class of its own decides the names of all that follow.
pub fn read(text: &str) -> Result<Vec<String>, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    text.lines()
        .zip(1..)
        .map(|(line, number)| match line.trim() {
            "" => Err(number),
            name => Ok(name.to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_labels_but_for_empty_ones_at_the_end() {
        let is = |text: &str, labels: &[&str]| {
            assert_eq!(read(text).expect(text), labels, "{text:?}");
        };
        is("cat\ndog", &["cat", "dog"]);
        is("cat\ndog\n\n \t\n", &["cat", "dog"]);
        is("\u{feff}cat\r\nsnow leopard\r\n", &["cat", "snow leopard"]);
        // Two classes may have one name: ImageNet has two cranes.
        is("crane\ncrane\n", &["crane", "crane"]);
        is("", &[]);
        assert_eq!(read("cat\n\ndog\n"), Err(2));
        assert_eq!(read("\ncat"), Err(1));
    }
}
