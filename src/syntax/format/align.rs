//! Columns under one another, as a person would have them.

use super::layout::{Column, Line};

/// Lines longer than this do not push a column further out: each line would be padded to the longest, and the text could grow
/// with the square of its length.
const WIDEST: usize = 100;

/// Aligns, in neighbouring lines, the `=` of aliases, the arrow between labelled steps, and comments; and all assertions of a declaration.
pub(super) fn align(lines: &mut [Line<'_>]) {
    for column in [Column::Alias, Column::Arrow] {
        for run in runs(lines, column) {
            line_up(lines, &run, column);
        }
    }
    let mut asserted: Vec<usize> = (0..lines.len())
        .filter(|index| lines[*index].part(Column::Assertion).is_some())
        .collect();
    asserted.retain(|index| {
        let is_short = width_before(&lines[*index], Column::Assertion) <= WIDEST;
        if !is_short {
            set(&mut lines[*index], Column::Assertion, 2);
        }
        is_short
    });
    let groups: Vec<Vec<usize>> = asserted
        .chunk_by(|a, b| lines[*a].declaration == lines[*b].declaration)
        .map(<[usize]>::to_vec)
        .collect();
    for group in groups {
        line_up(lines, &group, Column::Assertion);
    }
    for run in runs(lines, Column::Comment) {
        let width = |index: &usize| width_before(&lines[*index], Column::Comment);
        let widths: Vec<usize> = run.iter().map(width).collect();
        let widest = widest(&widths);
        for (index, width) in run.into_iter().zip(widths) {
            let space = widest.saturating_sub(width) + 2;
            set(&mut lines[index], Column::Comment, space);
        }
    }
}

/// Neighbouring lines of one indentation that have the column; comments may stand behind any.
fn runs(lines: &[Line<'_>], column: Column) -> Vec<Vec<usize>> {
    let has = |index: &usize| lines[*index].part(column).is_some();
    let indices: Vec<usize> = (0..lines.len()).filter(has).collect();
    indices
        .chunk_by(|a, b| {
            let is_level = column == Column::Comment || lines[*a].indent == lines[*b].indent;
            a + 1 == *b && !lines[*b].is_after_blank && is_level
        })
        .map(<[usize]>::to_vec)
        .collect()
}

/// One space if that lines them up, two behind the longest otherwise.
fn line_up(lines: &mut [Line<'_>], group: &[usize], column: Column) {
    let widths: Vec<usize> = group
        .iter()
        .map(|index| width_before(&lines[*index], column))
        .collect();
    let widest = widest(&widths);
    let are_equal = widths.iter().all(|width| *width == widest);
    // The `=` of an alias is no pause.
    let gap = if are_equal || column == Column::Alias {
        1
    } else {
        2
    };
    for (index, width) in group.iter().zip(widths) {
        let space = match width > WIDEST {
            true => 1,
            false => widest - width + gap,
        };
        set(&mut lines[*index], column, space);
    }
}

/// The widest of those that push the column.
fn widest(widths: &[usize]) -> usize {
    let short = widths.iter().copied().filter(|width| *width <= WIDEST);
    short.max().unwrap_or(0)
}

fn set(line: &mut Line<'_>, column: Column, space: usize) {
    if let Some(part) = line.part(column) {
        line.parts[part].space = space;
    }
}

/// Characters before the column, without the spaces in front of it.
fn width_before(line: &Line<'_>, column: Column) -> usize {
    let part = line.part(column).unwrap_or(line.parts.len());
    line.parts[..part]
        .iter()
        .map(|part| part.space + part.text.chars().count())
        .sum::<usize>()
        + line.indent
}
