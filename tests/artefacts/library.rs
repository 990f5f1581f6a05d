//! Artefacts as a program has them: built, linked, loaded.

use std::ffi::c_void;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use libloading::Library;
use netc::artefact::{Artefact, Options, default_linker, link, write_object};
use netc::codegen::Target;
use netc::kernels::{TileFamily, WeightType};
use netc::plan::Machine;
use netc::runtime::{AlignedBuffer, Tensor};
use netc::weights::WeightSource;

use crate::common::noise;

/// Options for this machine.
pub fn options(families: &[TileFamily]) -> Options {
    Options {
        name: "net".to_owned(),
        target: Target::host().expect("a machine that objects are made for"),
        families: families.to_vec(),
        precise: false,
        dense_weights: WeightType::default(),
        batch: 1,
        embeds: true,
        parallel: false,
    }
}

/// What the net's JIT is to plan for, to compute the same.
pub fn machine(options: &Options, family: TileFamily) -> Machine {
    Machine {
        precise: options.precise,
        dense_weights: options.dense_weights,
        batch: options.batch,
        ..options.target.machine(family)
    }
}

/// Noise for each input of a net, as the JIT takes it.
pub fn inputs(artefact: &Artefact, batch: usize) -> Vec<Tensor> {
    let ports = artefact.inputs().iter().enumerate();
    let tensor = ports.map(|(index, port)| {
        let sizes = port.shape.sizes().map(|size| size as usize);
        let shape: Vec<usize> = std::iter::once(batch).chain(sizes).collect();
        let values = noise(shape.iter().product(), index as u64 + batch as u64);
        Tensor::new(shape, values).expect("a tensor")
    });
    tensor.collect()
}

/// `NAME_weights`
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    pub data: *const c_void,
    pub plan: u64,
}

// SAFETY: it points to what nobody writes.
unsafe impl Sync for Weights {}

pub const NO_WEIGHTS: Weights = Weights {
    data: std::ptr::null(),
    plan: 0,
};

pub type ParallelFor =
    extern "C" fn(*mut c_void, usize, extern "C" fn(*mut c_void, usize), *mut c_void);

/// The packed weights, as a file has them.
pub fn packed(artefact: &Artefact, source: &WeightSource) -> Aligned {
    let mut image = Aligned::zeroed(artefact.weights_len());
    let mut to = Cursor::new(image.bytes_mut());
    artefact
        .write_weights(source, &mut to, &|_| {})
        .expect("weights");
    image
}

/// Bytes where a mapped file could be.
pub struct Aligned {
    floats: AlignedBuffer,
    len: usize,
}

impl Aligned {
    pub fn new(bytes: &[u8]) -> Aligned {
        let mut aligned = Aligned::zeroed(bytes.len());
        aligned.bytes_mut().copy_from_slice(bytes);
        aligned
    }

    fn zeroed(len: usize) -> Aligned {
        Aligned {
            floats: AlignedBuffer::zeroed(len.div_ceil(4) + 16).expect("memory"),
            len,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes of the floats are initialised and borrowed.
        unsafe { std::slice::from_raw_parts(self.floats.as_ptr().cast(), self.len) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the same, and any bytes are floats.
        unsafe { std::slice::from_raw_parts_mut(self.floats.as_mut_ptr().cast(), self.len) }
    }
}

/// A library in memory.
pub struct Loaded {
    library: Library,
    n_ports: usize,
    output_sizes: Vec<usize>,
}

impl Loaded {
    /// Builds, links and loads. The files are gone once it is loaded.
    pub fn new(artefact: &Artefact, source: Option<&WeightSource>) -> Loaded {
        let folder = tempfile::tempdir().expect("a folder");
        let object = folder.path().join("net.o");
        let path = folder.path().join("libnet.so");
        let mut file = std::fs::File::create(&object).expect("a file");
        write_object(artefact, source, &mut file, &|_| {}).expect("it is written");
        let linker = default_linker(artefact.options().target);
        link(&linker, &object, &path, "libnet.so").expect("a library");
        fs::remove_file(object).expect("it is there");
        Loaded::open(artefact, &path)
    }

    /// Loads a library that is on disk.
    pub fn open(artefact: &Artefact, path: &Path) -> Loaded {
        let elements = |port: &netc::plan::Port| port.shape.elements() as usize;
        Loaded {
            // SAFETY: it has no code that runs when it is loaded.
            library: unsafe { Library::new(path) }.expect("it loads"),
            n_ports: artefact.inputs().len() + artefact.outputs().len(),
            output_sizes: artefact.outputs().iter().map(elements).collect(),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        // SAFETY: nothing is called.
        unsafe { self.library.get::<unsafe extern "C" fn()>(name) }.is_ok()
    }

    pub fn embedded(&self) -> (i32, Weights) {
        let mut weights = NO_WEIGHTS;
        // SAFETY: the header declares it so.
        let status = unsafe {
            let call: libloading::Symbol<unsafe extern "C" fn(*mut Weights) -> i32> = self
                .library
                .get("net_weights_embedded")
                .expect("it is there");
            call(&mut weights)
        };
        (status, weights)
    }

    /// `image` may be anything, at any place.
    pub fn open_weights(&self, image: &[u8]) -> (i32, Weights) {
        let mut weights = Weights {
            plan: 7,
            ..NO_WEIGHTS
        };
        // SAFETY: the header declares it so.
        let status = unsafe {
            let call: libloading::Symbol<
                unsafe extern "C" fn(*const u8, usize, *mut Weights) -> i32,
            > = self.library.get("net_weights_open").expect("it is there");
            call(image.as_ptr(), image.len(), &mut weights)
        };
        (status, weights)
    }

    pub fn workspace_size(&self, batch: usize) -> usize {
        // SAFETY: the header declares it so.
        unsafe {
            let call: libloading::Symbol<unsafe extern "C" fn(usize) -> usize> =
                self.library.get("net_workspace_size").expect("it is there");
            call(batch)
        }
    }

    pub fn workspace_size_parallel(&self, batch: usize, parts: usize) -> usize {
        // SAFETY: the header declares it so.
        unsafe {
            let call: libloading::Symbol<unsafe extern "C" fn(usize, usize) -> usize> = self
                .library
                .get("net_workspace_size_parallel")
                .expect("it is there");
            call(batch, parts)
        }
    }

    /// `NAME_forward` with pointers as they are.
    ///
    /// # Safety
    ///
    /// As the header says.
    pub unsafe fn forward(
        &self,
        weights: *const Weights,
        ports: &[*mut f32],
        batch: usize,
        workspace: *mut f32,
    ) -> i32 {
        assert_eq!(ports.len(), self.n_ports);
        type P = *mut f32;
        type W = *const Weights;
        // SAFETY: the header declares it so, for so many ports.
        unsafe {
            match *ports {
                [a, b] => {
                    let f: libloading::Symbol<unsafe extern "C" fn(W, P, P, usize, P) -> i32> =
                        self.library.get("net_forward").expect("it is there");
                    f(weights, a, b, batch, workspace)
                }
                [a, b, c] => {
                    let f: libloading::Symbol<unsafe extern "C" fn(W, P, P, P, usize, P) -> i32> =
                        self.library.get("net_forward").expect("it is there");
                    f(weights, a, b, c, batch, workspace)
                }
                [a, b, c, d] => {
                    let f: libloading::Symbol<
                        unsafe extern "C" fn(W, P, P, P, P, usize, P) -> i32,
                    > = self.library.get("net_forward").expect("it is there");
                    f(weights, a, b, c, d, batch, workspace)
                }
                _ => panic!("no test has so many ports"),
            }
        }
    }

    /// Runs a batch; outputs as bits, in memory that is no larger than need be and full of NaN.
    pub fn run(&self, weights: &Weights, inputs: &[Tensor]) -> Vec<Vec<u32>> {
        let call = self.call(inputs);
        call.run(weights);
        call.workspace.values();
        call.outputs.iter().map(Guarded::values).collect()
    }

    /// A call with its memory, to be made as often as one likes.
    pub fn call<'a>(&'a self, inputs: &'a [Tensor]) -> Call<'a> {
        let batch = inputs[0].shape()[0];
        let sizes = self.output_sizes.iter();
        Call {
            loaded: self,
            inputs,
            batch,
            workspace: Guarded::new(self.workspace_size(batch).div_ceil(4)),
            outputs: sizes.map(|size| Guarded::new(size * batch)).collect(),
        }
    }

    /// The same through `NAME_forward_parallel`; the net has one input and one output.
    pub fn run_parallel(
        &self,
        weights: &Weights,
        input: &Tensor,
        parts: usize,
        parallel_for: ParallelFor,
    ) -> Result<Vec<u32>, i32> {
        let batch = input.shape()[0];
        let workspace = Guarded::new(self.workspace_size_parallel(batch, parts) / 4);
        let output = Guarded::new(self.output_sizes[0] * batch);
        type Call = unsafe extern "C" fn(
            *const Weights,
            *const f32,
            *mut f32,
            usize,
            *mut f32,
            usize,
            ParallelFor,
            *mut c_void,
        ) -> i32;
        // SAFETY: the header declares it so, and all regions have their sizes.
        let status = unsafe {
            let call: libloading::Symbol<Call> = self
                .library
                .get("net_forward_parallel")
                .expect("it is there");
            call(
                weights,
                input.values().as_ptr(),
                output.pointer(),
                batch,
                workspace.pointer(),
                parts,
                parallel_for,
                std::ptr::null_mut(),
            )
        };
        workspace.values();
        match status {
            0 => Ok(output.values()),
            status => Err(status),
        }
    }
}

/// `NAME_forward` with all that it takes but weights.
pub struct Call<'a> {
    loaded: &'a Loaded,
    inputs: &'a [Tensor],
    batch: usize,
    workspace: Guarded,
    outputs: Vec<Guarded>,
}

impl Call<'_> {
    /// Makes it.
    pub fn run(&self, weights: &Weights) {
        let inputs = self.inputs.iter();
        let inputs = inputs.map(|input| input.values().as_ptr().cast_mut());
        let ports: Vec<*mut f32> = inputs
            .chain(self.outputs.iter().map(Guarded::pointer))
            .collect();
        let workspace = self.workspace.pointer();
        // SAFETY: inputs have the net's shapes; outputs and workspace are as large as the header says.
        let status = unsafe { self.loaded.forward(weights, &ports, self.batch, workspace) };
        assert_eq!(status, 0);
    }
}

/// Floats on both sides of a region that nobody may touch.
const FENCE: usize = 1024;

/// What stands where nobody wrote: a NaN of its own.
const POISON: u32 = 0x7FC0_1234;

/// A region with fences.
pub struct Guarded {
    floats: AlignedBuffer,
}

impl Guarded {
    pub fn new(len: usize) -> Guarded {
        let mut floats = AlignedBuffer::zeroed(len + 2 * FENCE).expect("memory");
        floats.fill(f32::from_bits(POISON));
        Guarded { floats }
    }

    pub fn pointer(&self) -> *mut f32 {
        self.floats[FENCE..].as_ptr().cast_mut()
    }

    /// The bits of the region. The fences must stand.
    pub fn values(&self) -> Vec<u32> {
        let bits: Vec<u32> = self.floats.iter().map(|float| float.to_bits()).collect();
        let n = bits.len();
        let mut fences = bits[..FENCE].iter().chain(&bits[n - FENCE..]);
        assert!(fences.all(|bits| *bits == POISON), "a fence is broken");
        bits[FENCE..n - FENCE].to_vec()
    }
}

/// Tensors as bits.
pub fn bits(tensors: &[Tensor]) -> Vec<Vec<u32>> {
    let bits = |tensor: &Tensor| {
        tensor
            .values()
            .iter()
            .map(|value| value.to_bits())
            .collect()
    };
    tensors.iter().map(bits).collect()
}
