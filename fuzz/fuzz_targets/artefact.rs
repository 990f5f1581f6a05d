//! The function of a shipped library that opens packed weights refuses all but the bytes that were
//! packed, and reads none beyond their end: a guard page follows them.

#![no_main]

use std::ffi::c_void;
use std::fs::File;
use std::io::Cursor;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use libloading::Library;
use netc::artefact::{Artefact, Options, default_linker, link, write_object};
use netc::codegen::Target;
use netc::kernels::WeightType;
use netc::weights::WeightSource;
use netc_fuzz::Guarded;

const NET: &str = "net Small { input x: [1, 8, 8]\n conv(4, 3x3) -> relu -> flatten -> dense(3) }";

type Open = unsafe extern "C" fn(*const c_void, usize, *mut [u64; 2]) -> i32;

struct Shipped {
    /// Keeps `open` mapped.
    _library: Library,
    open: Open,
    image: Vec<u8>,
}

static SHIPPED: LazyLock<Shipped> = LazyLock::new(ship);

fn ship() -> Shipped {
    let graph = netc_fuzz::graph(NET, "Small");
    let target = Target::host().expect("a machine that objects are made for");
    let options = Options {
        name: "net".to_owned(),
        target,
        families: target.families().to_vec(),
        precise: false,
        dense_weights: WeightType::default(),
        batch: 1,
        embeds: false,
        parallel: false,
    };
    let artefact = Artefact::new(&graph, options).expect("an artefact");
    let weights = WeightSource::seeded(&graph, 0);
    let mut image = Cursor::new(vec![0; artefact.weights_len()]);
    let packed = artefact.write_weights(&weights, &mut image, &|_| {});
    packed.expect("packed weights");
    let directory = tempfile::tempdir().expect("a directory");
    let (object, library) = (
        directory.path().join("net.o"),
        directory.path().join("libnet.so"),
    );
    let mut file = File::create(&object).expect("a file");
    write_object(&artefact, None, &mut file, &|_| {}).expect("an object");
    link(&default_linker(target), &object, &library, "libnet.so").expect("a linked library");
    // SAFETY: netc made it, and it runs no code when it is loaded.
    let library = unsafe { Library::new(&library) }.expect("a library");
    // SAFETY: this is the function's type in the header.
    let open = *unsafe { library.get::<Open>(b"net_weights_open") }.expect("its function");
    Shipped {
        _library: library,
        open,
        image: image.into_inner(),
    }
}

fuzz_target!(|data: &[u8]| {
    let Shipped { open, image, .. } = &*SHIPPED;
    // Two bytes shorten or lengthen the file, and four each write one of its bytes.
    let Some(([high, low], edits)) = data.split_first_chunk() else {
        return;
    };
    let change = i16::from_be_bytes([*high, *low]);
    let len = image.len().saturating_add_signed(isize::from(change) / 64);
    let mut bytes = image.clone();
    bytes.resize(len, 0);
    for edit in edits.as_chunks::<4>().0 {
        let place = u32::from_be_bytes([0, edit[0], edit[1], edit[2]]) as usize;
        // Headers decide what is read, so half of the edits are there.
        let place = match place % 2 {
            0 => place / 2 % 128,
            _ => place / 2,
        };
        if let Some(byte) = bytes.get_mut(place) {
            *byte = edit[3];
        }
    }
    let guarded = Guarded::new(&bytes, 64);
    let mut weights = [0_u64; 2];
    // SAFETY: the bytes are there, and `weights` has the size and alignment of `net_weights`.
    let status = unsafe { open(guarded.as_ptr(), guarded.len(), &mut weights) };
    assert_eq!(status == 0, bytes == *image, "status {status}");
});
