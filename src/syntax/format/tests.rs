//! Formatting changes the layout and nothing else.

use proptest::prelude::*;

use super::{format, items, marks};
use crate::source::FileId;
use crate::syntax::tests::{ACCEPTED, BROKEN, arbitrary, parse_clean};
use crate::syntax::{erase_spans, guard, print};

/// What may stand between two tokens that need something between them.
const GAPS: &[&str] = &[
    " ",
    "   ",
    "\n  ",
    "\n\n\n    ",
    " // word\n  ",
    "\n  // line\n\n  ",
    " /* word */ ",
    "\n  /* two\n lines */\n  ",
    "\t",
    " \r  ",
];

fn canonical(text: &str) -> String {
    format(FileId(0), text).unwrap_or_else(|faults| panic!("{text}\n{faults:#?}"))
}

fn comments(text: &str) -> Vec<String> {
    let file = parse_clean(text);
    let scan = guard::scan(FileId(0), text);
    let marks = marks::collect(&file, text);
    items::split(text, &scan.tokens, &marks.verbatim)
        .iter()
        .filter(|item| item.is_comment())
        .map(|item| item.text.to_owned())
        .collect()
}

/// The text with other gaps between its tokens: the same tree, laid out by somebody else.
fn disturbed(text: &str, choices: &[usize]) -> String {
    let file = parse_clean(text);
    let scan = guard::scan(FileId(0), text);
    let marks = marks::collect(&file, text);
    let items = items::split(text, &scan.tokens, &marks.verbatim);
    let mut disturbed = String::new();
    let mut choices = choices.iter().cycle();
    for (index, item) in items.iter().enumerate() {
        let choice = choices.next().copied().unwrap_or(0);
        let gap = match index.checked_sub(1).map(|before| &items[before]) {
            None => "",
            Some(_) if marks.declarations.contains_key(&item.start) => "\n",
            Some(before) if before.is_comment() || item.is_comment() => "\n",
            // A parenthesis directly behind a name is that of a call.
            Some(before) if before.end == item.start && item.text == "(" => "",
            Some(before) if before.end == item.start && choice % 2 == 0 => "",
            Some(_) => GAPS[choice % GAPS.len()],
        };
        disturbed += gap;
        disturbed += item.text;
    }
    disturbed
}

#[test]
fn line_ends_and_byte_order_marks_stay() {
    let laid_out = "net N {\n  input x: [4]\n\n  /* two\n     lines */\n  relu\n}\n";
    assert_eq!(canonical(laid_out), laid_out);
    let crlf = laid_out.replace('\n', "\r\n");
    assert_eq!(canonical(&crlf), crlf);
    let marked = format!("\u{feff}{laid_out}");
    assert_eq!(canonical(&marked), marked);
    // Of both kinds, the more frequent one is taken for the whole file.
    assert_eq!(canonical(&crlf.replacen("\r\n", "\n", 1)), crlf);
    assert_eq!(canonical(&laid_out.replacen('\n', "\r\n", 1)), laid_out);
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let once = canonical(text);
    let (mut before, mut after) = (parse_clean(text), parse_clean(&once));
    erase_spans(&mut before);
    erase_spans(&mut after);
    prop_assert_eq!(before, after, "{}\n{}", text, once);
    prop_assert_eq!(comments(text), comments(&once), "{}\n{}", text, once);
    let twice = canonical(&once);
    prop_assert_eq!(&once, &twice, "from\n{}", text);
    prop_assert!(once.lines().all(|line| line.trim_end() == line), "{}", once);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn says_the_same_and_settles_at_once(
        file in arbitrary::file(),
        choices in proptest::collection::vec(0..1000usize, 1..60),
    ) {
        let text = print(&file);
        check(&text)?;
        check(&disturbed(&text, &choices))?;
    }

    #[test]
    fn accepts_any_layout_of_the_nets(
        which in 0..NETS.len(),
        choices in proptest::collection::vec(0..1000usize, 1..60),
    ) {
        check(&disturbed(NETS[which], &choices))?;
    }
}

const NETS: &[&str] = &[
    include_str!("../../../nets/alexnet.net"),
    include_str!("../../../nets/densenet.net"),
    include_str!("../../../nets/googlenet.net"),
    include_str!("../../../nets/mobilenet_v2.net"),
    include_str!("../../../nets/resnet_variants.net"),
    ACCEPTED,
];

#[test]
fn samples_settle_at_once() {
    for text in NETS {
        check(text).expect("the same tree");
    }
    assert!(format(FileId(0), BROKEN).is_err());
}

#[test]
fn lays_out_as_a_person_would() {
    let text = "\
// The head.
net A = C( 1 )
net Long=C(2) // why
block B(width:int,stride:int=1){


  residual { conv1: conv(width,3x3,stride = stride,pad=1) ->
      bn1: batchnorm->relu
    conv2: conv( width, 3x3, pad=1 ,) -> bn2: batchnorm
    conv10: conv(width) -> bn3: batchnorm // no more
    }
  shortcut when stride!=1
  {
    conv(width, 1x1, stride=stride) } : [ width,_ ,_]
  relu : [width, -1+2, 3]
  a: I(1, 20, 300)
  b: I(10, 2, 3)
  let table = [ // numbers
    [1, 10],
    [10, 1] ]
  concat { relu tanh }
}
";
    let expected = "\
// The head.
net A    = C(1)
net Long = C(2)  // why

block B(width: int, stride: int = 1) {
  residual {
    conv1: conv(width, 3x3, stride=stride, pad=1)
      -> bn1: batchnorm -> relu
    conv2: conv(width, 3x3, pad=1)  -> bn2: batchnorm
    conv10: conv(width)             -> bn3: batchnorm  // no more
  } shortcut when stride != 1 {
    conv(width, 1x1, stride=stride)
  }     : [width, _, _]
  relu  : [width, -1 + 2, 3]
  a: I( 1, 20, 300)
  b: I(10,  2,   3)
  let table = [  // numbers
    [ 1, 10],
    [10,  1]]
  concat {
    relu
    tanh
  }
}
";
    assert_eq!(canonical(text), expected);
}
