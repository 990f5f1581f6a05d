//! The verifier that runs between passes: what every later stage relies on.

use super::{Graph, Op};

/// Checks the invariants of the arena. An error here is a fault of the compiler, never of the user's text.
pub fn verify(graph: &Graph) -> Result<(), String> {
    for (index, node) in graph.nodes.iter().enumerate() {
        let fail = |what: &str| {
            Err(format!(
                "node {index} `{}` ({}): {what}",
                node.name,
                node.op.name()
            ))
        };
        if node.inputs.iter().any(|input| input.index() >= index) {
            return fail("an input does not point backwards");
        }
        if node
            .params
            .iter()
            .any(|param| param.index() >= graph.params.len())
        {
            return fail("a parameter does not exist");
        }
        if let Some(epilogue) = &node.epilogue
            && epilogue.n_args() > node.inputs.len() + 1
        {
            return fail("the epilogue takes more arguments than there are inputs");
        }
        if let Op::Map(function) = &node.op
            && function.n_args() != node.n_op_inputs()
        {
            return fail("the function's arguments are not the inputs");
        }
        let shapes: Vec<_> = node
            .op_inputs()
            .iter()
            .map(|input| &graph.node(*input).shape)
            .collect();
        match crate::check::infer_shape(&node.op, &shapes, &node.shape) {
            Err(error) => return fail(&error.message),
            Ok(shape) if shape != node.shape => {
                return fail(&format!("its shape is {}, not {shape}", node.shape));
            }
            Ok(_) => {}
        }
        for input in node.epilogue_inputs() {
            let operand = &graph.node(*input).shape;
            if crate::check::broadcast(&[&node.shape, operand])
                .ok()
                .as_ref()
                != Some(&node.shape)
            {
                return fail(&format!(
                    "the epilogue's operand {operand} does not broadcast"
                ));
            }
        }
    }
    if graph.outputs.is_empty() {
        return Err("the graph has no output".into());
    }
    let nodes = graph
        .outputs
        .iter()
        .map(|output| output.node)
        .chain(graph.inputs.iter().map(|input| input.node));
    match nodes
        .into_iter()
        .find(|node| node.index() >= graph.nodes.len())
    {
        Some(node) => Err(format!("node {} does not exist", node.0)),
        None => Ok(()),
    }
}
