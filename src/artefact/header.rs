//! The C header of an artefact.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Artefact, LAYOUT_VERSION};
use crate::codegen::object::{ALIGNMENT, PARTS_MAX, Status, Workspace};
use crate::plan::Port;

/// A port as C names it.
struct CPort<'a> {
    port: &'a Port,
    name: String,
}

/// Ports with names that C allows, all different.
fn c_ports(ports: &[Port]) -> Vec<CPort<'_>> {
    let named = ports.iter().zip(c_names(ports));
    named.map(|(port, name)| CPort { port, name }).collect()
}

/// Names for ports that C allows, all different.
pub fn c_names(ports: &[Port]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let names = ports.iter().map(|port| {
        let letters = port.name.chars();
        let letters = letters.map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        let mut name: String = letters.collect();
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        name
    });
    names.collect()
}

/// A package for CMake's `find_package`: the archive if it lies beside it, else the shared library.
pub fn print_cmake(name: &str) -> String {
    format!(
        "# Made by netc: find_package({name} CONFIG) gives the target {name}::{name}.
if(NOT TARGET {name}::{name})
  set(_{name}_archive \"${{CMAKE_CURRENT_LIST_DIR}}/lib{name}.a\")
  if(EXISTS \"${{_{name}_archive}}\")
    add_library({name}::{name} STATIC IMPORTED)
    set_target_properties({name}::{name} PROPERTIES IMPORTED_LOCATION \"${{_{name}_archive}}\")
  else()
    add_library({name}::{name} SHARED IMPORTED)
    set_target_properties({name}::{name} PROPERTIES IMPORTED_LOCATION \"${{CMAKE_CURRENT_LIST_DIR}}/lib{name}.so\")
  endif()
  set_target_properties({name}::{name} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES \"${{CMAKE_CURRENT_LIST_DIR}}\")
endif()
"
    )
}

/// The same for pkg-config.
pub fn print_pkg_config(name: &str, net: &str) -> String {
    format!(
        "# Made by netc: pkg-config --cflags --libs {name}
dir=${{pcfiledir}}

Name: {name}
Description: The net {} as functions
Version: {}
Cflags: -I${{dir}}
Libs: -L${{dir}} -l{name}
",
        plain(net),
        env!("CARGO_PKG_VERSION"),
    )
}

/// A text from the source as it may stand in a comment or a string.
pub fn plain(text: &str) -> String {
    let is_fine = |c: char| c.is_alphanumeric() || "_.-".contains(c);
    text.chars()
        .map(|c| if is_fine(c) { c } else { '_' })
        .collect()
}

/// The header.
pub fn print(artefact: &Artefact) -> String {
    let name = artefact.options.name.as_str();
    let inputs = c_ports(artefact.inputs());
    let outputs = c_ports(artefact.outputs());
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let _ = write!(
        text,
        "/* The net {} as functions, made by netc {version}. Do not edit: `netc build` writes it anew.
 *
 * Every function may be called by several threads at once, each with a workspace and outputs of its own. None allocates, keeps anything,
 * or calls anything outside this library. */
#ifndef NETC_{name}_H
#define NETC_{name}_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {{
#endif
",
        plain(&artefact.net)
    );
    push_facts(&mut text, artefact);
    push_statuses(&mut text, name);
    for (direction, ports) in [("IN", &inputs), ("OUT", &outputs)] {
        push_ports(&mut text, name, direction, ports);
    }
    push_workspace(&mut text, artefact, &artefact.workspace());
    push_description(&mut text, name);
    push_weights(&mut text, artefact);
    push_forward(&mut text, artefact, &inputs, &outputs);
    let _ = write!(
        text,
        "
#ifdef __cplusplus
}}
#endif

#endif
"
    );
    text
}

fn push_facts(text: &mut String, artefact: &Artefact) {
    let name = &artefact.options.name;
    let _ = write!(
        text,
        "
/* What this was made by, for and of. The hash is the SHA-256 of what `netc dump --stage graph` prints of the net. */
#define {name}_NETC_VERSION \"{}\"
#define {name}_TARGET \"{}\"
#define {name}_ISAS \"{}\"
#define {name}_SOURCE_HASH \"{}\"
#define {name}_LAYOUT_VERSION {LAYOUT_VERSION}

/* Boundary, in bytes, that workspaces and opened weights begin at. Inputs and outputs are aligned as floats are. */
#define {name}_ALIGNMENT {ALIGNMENT}
#ifdef __cplusplus
#define {name}_ALIGNED alignas({ALIGNMENT})
#else
#define {name}_ALIGNED _Alignas({ALIGNMENT})
#endif
",
        env!("CARGO_PKG_VERSION"),
        artefact.options.target.triple(),
        artefact.isas(),
        artefact.source_hash,
    );
}

fn push_statuses(text: &mut String, name: &str) {
    let _ = write!(
        text,
        "\n/* What functions answer. */\nenum {name}_status {{\n"
    );
    for status in Status::ALL {
        let (code, label) = (status.code(), status.name());
        let _ = writeln!(text, "    {name}_{label} = {code}, /* {} */", status.text());
    }
    let _ = write!(
        text,
        "}};

/* A status for people. */
static inline const char *{name}_status_text(int status) {{
    switch (status) {{
"
    );
    for status in Status::ALL {
        let _ = writeln!(
            text,
            "    case {name}_{}: return \"{}\";",
            status.name(),
            status.text()
        );
    }
    let _ = write!(
        text,
        "    default: return \"an unknown status\";\n    }}\n}}\n"
    );
}

fn sizes(port: &Port) -> String {
    let sizes: Vec<String> = port.shape.sizes().map(|size| size.to_string()).collect();
    sizes.join(", ")
}

fn push_ports(text: &mut String, name: &str, direction: &str, ports: &[CPort<'_>]) {
    for CPort { port, name: c_name } in ports {
        let what = match direction {
            "IN" => "Input",
            _ => "Output",
        };
        let shape = sizes(port);
        let elements = port.shape.elements();
        let rank = port.shape.rank();
        let _ = write!(
            text,
            "
/* {what} `{}`: floats of the shape [batch, {shape}], the last dimension fastest. */
#define {name}_{direction}_{c_name}_RANK {rank}
#define {name}_{direction}_{c_name}_SHAPE {{{shape}}}
#define {name}_{direction}_{c_name}_ELEMENTS {elements}
#define {name}_{direction}_{c_name}_SIZE(batch) ((size_t)(batch) * {elements}u * sizeof(float))
",
            plain(&port.name),
        );
    }
}

fn push_workspace(text: &mut String, artefact: &Artefact, workspace: &Workspace) {
    let name = &artefact.options.name;
    let Workspace {
        scratch,
        arena,
        group,
        shared,
        whole,
        batch_max,
    } = workspace;
    let _ = write!(
        text,
        "
/* Bytes of workspace that {name}_forward needs for a batch, as a constant and as a function: 0 for a batch that is too large. What the workspace
 * holds before does not matter. */
#define {name}_BATCH_MAX {batch_max}u
#define {name}_WORKSPACE_SIZE(batch) \\
    ((size_t){scratch}u + ((size_t)(batch) < {group}u ? (size_t)(batch) : {group}u) * {arena}u + (size_t)(batch) * {shared}u)
size_t {name}_workspace_size(size_t batch);
"
    );
    if artefact.options.parallel {
        let _ = write!(
            text,
            "
/* The same for {name}_forward_parallel. */
#define {name}_PARTS_MAX {PARTS_MAX}u
#define {name}_WORKSPACE_SIZE_PARALLEL(batch, parts) ((size_t)(batch) * {whole}u + (size_t)(parts) * {scratch}u)
size_t {name}_workspace_size_parallel(size_t batch, size_t parts);
"
        );
    }
}

fn push_description(text: &mut String, name: &str) {
    let _ = write!(
        text,
        "
/* An input or output: shapes without the batch; sizes beyond the rank are 1. */
struct {name}_port {{
    const char *name;
    size_t rank;
    size_t shape[3];
    size_t elements;
}};

/* What {name}_info tells: the facts above, for who loads the library at run time. */
struct {name}_description {{
    const char *net;
    const char *netc_version;
    const char *target;
    const char *isas;
    const char *source_hash;
    uint64_t layout_version;
    size_t n_inputs;
    const struct {name}_port *inputs;
    size_t n_outputs;
    const struct {name}_port *outputs;
}};

const struct {name}_description *{name}_info(void);
"
    );
}

fn push_weights(text: &mut String, artefact: &Artefact) {
    let name = &artefact.options.name;
    let len = artefact.weights_len();
    let _ = write!(
        text,
        "
/* Weights that were found to fit, and the code that was chosen for this machine. It owns nothing: what it was opened from must stay. */
typedef struct {name}_weights {{
    const void *data;
    uint64_t plan;
}} {name}_weights;

/* Bytes of the packed weights. */
#define {name}_WEIGHTS_SIZE {len}u
"
    );
    if artefact.options.embeds {
        let _ = write!(
            text,
            "
/* The weights that are part of this library. {name}_ERROR_ISA where this machine lacks the instructions. */
int {name}_weights_embedded({name}_weights *weights);
"
        );
    }
    let _ = write!(
        text,
        "
/* Opens packed weights, `size` bytes at `image`, aligned to {name}_ALIGNMENT: a mapped file, for example. Reads all of them once, to compare the checksum.
 * {name}_ERROR_WEIGHTS_... for whatever is not what `netc build` packed for this code, {name}_ERROR_ISA where this machine lacks the instructions. */
int {name}_weights_open(const void *image, size_t size, {name}_weights *weights);
"
    );
}

fn push_forward(
    text: &mut String,
    artefact: &Artefact,
    inputs: &[CPort<'_>],
    outputs: &[CPort<'_>],
) {
    let name = &artefact.options.name;
    let inputs = inputs
        .iter()
        .map(|port| format!("const float *in_{}", port.name));
    let outputs = outputs
        .iter()
        .map(|port| format!("float *out_{}", port.name));
    let ports: Vec<String> = inputs.chain(outputs).collect();
    let ports = ports.join(", ");
    let _ = write!(
        text,
        "
/* Runs a batch on the calling thread. Outputs and workspace overlap nothing. */
int {name}_forward(const {name}_weights *weights, {ports},
    size_t batch, void *workspace);
"
    );
    if artefact.options.parallel {
        let _ = write!(
            text,
            "
/* Calls body(argument, part) once for each part from 0 to below `parts`, in any order, on any threads, and returns when all calls have. */
typedef void {name}_parallel_for(void *context, size_t parts, void (*body)(void *argument, size_t part), void *argument);

/* Runs a batch with each layer cut into as many parts (1 to {name}_PARTS_MAX), which it hands to `parallel_for` with the caller's `context`. */
int {name}_forward_parallel(const {name}_weights *weights, {ports},
    size_t batch, void *workspace, size_t parts, {name}_parallel_for *parallel_for, void *context);
"
        );
    }
}
