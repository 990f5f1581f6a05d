//! A plan's functions in memory, to be called without files and linkers: for tests and fuzzing.

use std::ffi::c_void;
use std::io::Error;

use cranelift::jit::{JITBuilder, JITModule};
use cranelift::module::{DataDescription, FuncOrDataId, Linkage, default_libcall_names};

use super::words::{Answer, declare, define as define_words};
use super::*;
use crate::codegen::host_isa;
use crate::codegen::module::{define_kernels, failed};
use crate::runtime::{Edge, Guarded};

/// `fn(table of arguments) -> status`
type Call = unsafe extern "C" fn(*const u64) -> i32;

/// The two entries of a plan, in memory as long as this.
pub(crate) struct Library {
    module: Option<JITModule>,
    forward: Call,
    parallel: Call,
}

impl Drop for Library {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: the functions are only called while `self` lives.
            unsafe { module.free_memory() }
        }
    }
}

impl Library {
    /// The code of a plan for this machine.
    pub fn compile(plan: &Plan) -> Result<Library, CodegenError> {
        let host = host_isa()?;
        let builder = JITBuilder::with_isa(host.clone(), default_libcall_names());
        let mut module = JITModule::new(builder);
        let names: Vec<String> = (0..plan.kernels.len()).map(|i| format!("k{i}")).collect();
        let (specs, machine) = (&plan.kernels, &plan.machine);
        let kernels = define_kernels(&mut module, host.as_ref(), specs, machine, &names, "")?;
        let kernels: Vec<FuncId> = kernels.functions.iter().map(|(id, _)| *id).collect();
        let description = module
            .declare_data("description", Linkage::Local, false, false)
            .map_err(failed)?;
        let mut nothing = DataDescription::new();
        nothing.define_zeroinit(8);
        module.define_data(description, &nothing).map_err(failed)?;
        let variants = [variant(plan, "net.")];
        let forward = Forward {
            name: "net",
            // It asks nothing of the processor.
            target: Target::Aarch64Linux,
            variants: &variants,
            header: ImageHeader {
                bytes: &[0; 64],
                checksum_at: 56,
                payload_at: 64,
                len: 128,
            },
            embedded: None,
            parallel: true,
            description,
        };
        define(&mut module, &forward, &[kernels])?;
        let n_ports = plan.inputs.len() + plan.outputs.len();
        let forward = from_table(&mut module, "net_forward", 3 + n_ports)?;
        let parallel = from_table(&mut module, "net_forward_parallel", 6 + n_ports)?;
        module.finalize_definitions().map_err(failed)?;
        let [forward, parallel] = [forward, parallel].map(|id| {
            let address = module.get_finalized_function(id);
            // SAFETY: it was declared with this signature.
            unsafe { std::mem::transmute::<*const u8, Call>(address) }
        });
        Ok(Library {
            module: Some(module),
            forward,
            parallel,
        })
    }

    /// The outputs for a batch; on the calling thread, or in parts on threads of their own. All memory that the
    /// code is given is as large as it must be at least, and faults at the `edge` where it ends.
    ///
    /// # Safety
    ///
    /// The library was compiled of `plan`; the weights are packed for it, and the inputs are of its shapes.
    pub unsafe fn run(
        &self,
        plan: &Plan,
        packed: &[f32],
        inputs: &[&[f32]],
        (batch, n_parts): (usize, Option<usize>),
        edge: Edge,
    ) -> Result<Vec<Guarded>, Error> {
        let guarded = |values: &[f32]| Guarded::from_slice(values, edge);
        let floats = |bytes: usize| bytes.next_multiple_of(ALIGNMENT) / FLOAT;
        let workspace = Workspace::of([variant(plan, "")].iter());
        let in_order = batch.min(workspace.group) * workspace.arena + batch * workspace.shared;
        let size = match n_parts {
            None => workspace.scratch + in_order,
            Some(n) => n * workspace.scratch + batch * workspace.whole,
        };
        let mut memory = Guarded::new(floats(size), edge)?;
        let mut weights = Guarded::new(floats(FLOAT * plan.packed_size), edge)?;
        weights[..plan.packed_size].copy_from_slice(&packed[..plan.packed_size]);
        let inputs: Result<Vec<Guarded>, Error> = inputs.iter().map(|x| guarded(x)).collect();
        let inputs = inputs?;
        let elements = |port: &crate::plan::Port| port.shape.elements() as usize;
        let outputs = plan.outputs.iter();
        let outputs: Result<Vec<Guarded>, Error> = outputs
            .map(|port| Guarded::new(batch * elements(port), edge))
            .collect();
        let mut outputs = outputs?;

        let weights = [weights.as_ptr() as u64, 1];
        let mut table = vec![weights.as_ptr() as u64];
        table.extend(inputs.iter().map(|input| input.as_ptr() as u64));
        table.extend(outputs.iter_mut().map(|output| output.as_mut_ptr() as u64));
        table.extend([batch as u64, memory.as_mut_ptr() as u64]);
        let call = match n_parts {
            None => self.forward,
            Some(n) => {
                table.extend([n as u64, on_threads as *const () as u64, 0]);
                self.parallel
            }
        };
        // SAFETY: the table holds what the entry takes: tensors of the plan's shapes, weights packed for it, and as much memory as the plan needs.
        match unsafe { call(table.as_ptr()) } {
            0 => Ok(outputs),
            status => Err(Error::other(format!("status {status}"))),
        }
    }
}

fn variant<'p>(plan: &'p Plan, prefix: &str) -> Variant<'p> {
    Variant {
        plan,
        prefix: prefix.to_owned(),
        weights_at: 0,
    }
}

/// A function that calls an entry with the words of a table.
fn from_table(module: &mut JITModule, name: &str, n_words: usize) -> Result<FuncId, CodegenError> {
    let Some(FuncOrDataId::Func(entry)) = module.get_name(name) else {
        return Err(CodegenError::Internal(format!("{name} is not there")));
    };
    let call = declare(
        module,
        &format!("call_{name}"),
        Linkage::Local,
        1,
        Answer::Status,
    )?;
    define_words(module, call, |function, arguments| {
        let table = arguments[0];
        let words: Vec<Value> = (0..n_words as i64)
            .map(|i| function.load(table, WORD * i))
            .collect();
        let status = function.call_for(entry, &words);
        function.answer(status);
    })?;
    Ok(call)
}

/// All parts, the last first, each on a thread of its own.
extern "C" fn on_threads(
    _: *mut c_void,
    parts: usize,
    body: extern "C" fn(*mut c_void, usize),
    argument: *mut c_void,
) {
    let argument = argument as usize;
    std::thread::scope(|scope| {
        for part in (0..parts).rev() {
            scope.spawn(move || body(argument as *mut c_void, part));
        }
    });
}
