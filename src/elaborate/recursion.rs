//! Declarations that contain themselves: cycles among what declarations name.

use std::collections::BTreeMap;

use super::program::{DeclarationId, Program};
use super::resolve::Reference;
use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;

/// Marks the declarations on cycles, so that nothing expands them, and reports each group of them once.
pub(super) fn mark(program: &mut Program, references: &[Vec<Reference>]) -> Vec<Diagnostic> {
    let edges: Vec<Vec<(usize, Span)>> = references
        .iter()
        .map(|list| {
            list.iter()
                .filter(|reference| !reference.in_default)
                .map(|reference| (reference.to.0 as usize, reference.span))
                .collect()
        })
        .collect();
    let component = components(&edges);
    let mut reported: BTreeMap<usize, ()> = BTreeMap::new();
    let mut faults = Vec::new();
    for (from, targets) in edges.iter().enumerate() {
        let within = |to: usize| component.get(to) == component.get(from);
        let Some((_, span)) = targets.iter().find(|(to, _)| within(*to)) else {
            continue;
        };
        if let Some(info) = program.declarations.get_mut(from) {
            info.recursive = true;
        }
        let group = component.get(from).copied().unwrap_or(from);
        if reported.insert(group, ()).is_none() {
            faults.push(describe(program, from, *span, &edges, &component));
        }
    }
    faults
}

/// The diagnostic of the group that `start` belongs to: one way round it.
fn describe(
    program: &Program,
    start: usize,
    span: Span,
    edges: &[Vec<(usize, Span)>],
    component: &[usize],
) -> Diagnostic {
    let name = |index: usize| &program.declaration(DeclarationId(index as u32)).name().name;
    let message = format!("`{}` contains itself", name(start));
    let mut fault = Diagnostic::new(codes::RECURSION, message, span, "leads back here");
    // Follow the first reference that stays in the group until something is met again.
    let mut at = start;
    let mut way = vec![start];
    loop {
        let next = edges.get(at).into_iter().flatten();
        let Some((to, place)) = next
            .copied()
            .find(|(to, _)| component.get(*to) == component.get(start))
        else {
            break;
        };
        if at != start {
            fault = fault.with_secondary(place, format!("`{}` names `{}`", name(at), name(to)));
        }
        let is_known = way.contains(&to);
        way.push(to);
        if is_known || way.len() > 8 {
            break;
        }
        at = to;
    }
    let shown: Vec<String> = way
        .iter()
        .map(|index| format!("`{}`", name(*index)))
        .collect();
    fault
        .with_note(shown.join(" -> "))
        .with_help("use `repeat` for what is done several times")
}

/// The strongly connected component of every node (Tarjan's algorithm with a stack of its own: chains may be long). A node
/// alone that does not name itself has a component of its own, so that an edge within a component lies on a cycle.
fn components(edges: &[Vec<(usize, Span)>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let n = edges.len();
    let (mut index, mut low, mut component) = (vec![UNSEEN; n], vec![0; n], vec![UNSEEN; n]);
    let (mut next_index, mut path) = (0, Vec::new());
    for root in 0..n {
        if index[root] != UNSEEN {
            continue;
        }
        let mut calls = vec![(root, 0)];
        while let Some((node, position)) = calls.pop() {
            if position == 0 {
                index[node] = next_index;
                low[node] = next_index;
                next_index += 1;
                path.push(node);
            }
            if let Some(&(to, _)) = edges[node].get(position) {
                calls.push((node, position + 1));
                if index[to] == UNSEEN {
                    calls.push((to, 0));
                } else if component[to] == UNSEEN {
                    low[node] = low[node].min(index[to]);
                }
                continue;
            }
            if low[node] == index[node] {
                while let Some(member) = path.pop() {
                    component[member] = node;
                    if member == node {
                        break;
                    }
                }
            }
            if let Some((parent, _)) = calls.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    component
}
