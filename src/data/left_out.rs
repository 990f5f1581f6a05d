//! What of a picture's file does not reach the input.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, codes};

/// Pictures of which something is left out that changes what is seen: for each kind the first one, and how many there are.
///
/// Colour profiles and gammas are not applied either; they are in most pictures, and Pillow and OpenCV, by which nets are trained, leave them out as well: nothing is said of them.
#[derive(Debug, Default)]
pub struct LeftOut {
    kinds: [Option<(PathBuf, usize)>; 4],
}

/// Of each kind, what is said.
const KINDS: [(&str, &str); 4] = [
    (
        "is transparent in places, and transparency is left out",
        "put the picture on the background that is meant",
    ),
    (
        "has an orientation tag, which is not applied",
        "turn the picture itself, as an image editor does when it saves",
    ),
    (
        "has several frames, and the first is taken",
        "save the frame that is meant as a picture of its own",
    ),
    (
        "is in four inks (CMYK), whose colours are only estimated without their profile",
        "save the picture in RGB",
    ),
];

impl LeftOut {
    fn note(&mut self, kind: usize, path: &Path, is_so: bool) {
        if is_so {
            let noted = self.kinds[kind].get_or_insert_with(|| (path.to_owned(), 0));
            noted.1 += 1;
        }
    }

    pub(super) fn transparency(&mut self, path: &Path, is_so: bool) {
        self.note(0, path, is_so);
    }

    pub(super) fn orientation(&mut self, path: &Path, is_so: bool) {
        self.note(1, path, is_so);
    }

    pub(super) fn frames(&mut self, path: &Path, is_so: bool) {
        self.note(2, path, is_so);
    }

    pub(super) fn inks(&mut self, path: &Path, is_so: bool) {
        self.note(3, path, is_so);
    }

    /// A warning for each kind.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let kinds = self.kinds.iter().zip(KINDS);
        let warning = |(noted, (said, help)): (&Option<(PathBuf, usize)>, _)| {
            let (path, n) = noted.as_ref()?;
            let message = format!("`{}` {said}", path.display());
            let warning = Diagnostic::without_place(codes::INPUT_REDUCED, message).with_help(help);
            Some(match n {
                1 => warning,
                n => warning.with_note(format!("so it is with {n} pictures; this is the first")),
            })
        };
        kinds.filter_map(warning).collect()
    }
}
