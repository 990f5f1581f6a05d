use std::path::{Path, PathBuf};

use super::*;
use crate::graph::{ChannelOrder, ImageResize};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/pictures")
        .join(name)
}

/// What Pillow and torchvision made of a picture; see `make.py` there.
fn expected(name: &str) -> Array {
    let file = WeightsFile::open(&fixture("expected.safetensors")).unwrap();
    Array {
        shape: file.get(name).unwrap().shape.clone(),
        values: file.read_f32(name).unwrap(),
    }
}

fn spec() -> ImageSpec {
    ImageSpec {
        range: 1.0,
        ..ImageSpec::default()
    }
}

fn imagenet() -> ImageSpec {
    ImageSpec {
        resize: Some(ImageResize::ShorterSide(24)),
        crop: Some([17, 17]),
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
        ..spec()
    }
}

/// The largest difference between a picture read with `spec` and what is expected.
fn difference(name: &str, spec: &ImageSpec, expected: &Array) -> f32 {
    let [c, h, w] = expected.shape[..] else {
        panic!("{:?}", expected.shape);
    };
    let shape = Shape::chw(c as u64, h as u64, w as u64);
    let array = read_picture(&fixture(name), spec, &shape).unwrap();
    assert_eq!(array.shape, expected.shape, "{name}");
    let pairs = array.values.iter().zip(&expected.values);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn resizing_is_pillows_bit_for_bit() {
    for name in ["down", "up", "rows", "columns", "one"] {
        let expected = expected(&format!("resize.{name}"));
        let spec = ImageSpec {
            resize: Some(ImageResize::Exact([expected.shape[1], expected.shape[2]])),
            range: 255.0,
            ..spec()
        };
        assert_eq!(difference("rgb.png", &spec, &expected), 0.0, "{name}");
    }
}

#[test]
fn preprocessing_is_torchvisions() {
    for name in ["rgb.png", "rgba.png", "gray.png", "palette.png"] {
        let difference = difference(name, &imagenet(), &expected(&format!("imagenet.{name}")));
        assert!(difference < 1e-6, "{name}: {difference}");
    }
    // Decoders of JPEG may differ by a step or two of 255, which the deviation makes larger.
    let difference = difference("rgb.jpg", &imagenet(), &expected("imagenet.rgb.jpg"));
    assert!(difference < 2.0 / 255.0 / 0.224, "{difference}");
}

#[test]
fn small_pictures_are_padded_and_channels_are_ordered() {
    let small = ImageSpec {
        resize: Some(ImageResize::ShorterSide(12)),
        crop: Some([21, 21]),
        ..spec()
    };
    assert_eq!(
        difference("rgb.png", &small, &expected("small.rgb.png")),
        0.0
    );
    let gray = ImageSpec {
        resize: Some(ImageResize::Exact([8, 8])),
        order: ChannelOrder::Gray,
        ..spec()
    };
    // Pillow resizes after the conversion as well.
    assert_eq!(difference("rgb.png", &gray, &expected("gray.rgb.png")), 0.0);
    let bgr = ImageSpec {
        order: ChannelOrder::Bgr,
        range: 255.0,
        mean: vec![104.0, 117.0, 123.0],
        ..spec()
    };
    assert_eq!(difference("rgb.png", &bgr, &expected("bgr.rgb.png")), 0.0);
}

#[test]
fn sixteen_bits_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("depth.png");
    let depth = |x: u32, y: u32| (4000 + 3 * (4 * y + x)) as u16;
    let picture = image::ImageBuffer::from_fn(4, 4, |x, y| image::Luma([depth(x, y)]));
    picture.save(&path).unwrap();
    let shape = Shape::chw(1, 4, 4);
    let read = |range, size| {
        let gray = ImageSpec {
            resize: Some(ImageResize::Exact(size)),
            order: ChannelOrder::Gray,
            range,
            ..spec()
        };
        read_picture(&path, &gray, &shape).unwrap().values
    };
    for (index, value) in read(65535.0, [4, 4]).into_iter().enumerate() {
        assert_eq!(value, f32::from(depth(index as u32, 0)));
    }
    assert_eq!(read(1.0, [4, 4])[1], 4003.0 / 65535.0);
    // The mean of all: 4022.5, rounded up by the rows and then by the column.
    assert_eq!(read(65535.0, [1, 1]), [4023.0]);
}

#[test]
fn arrays_come_back_as_they_were_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.npy");
    let values: Vec<f32> = (0..24).map(|x| x as f32 / 3.0).collect();
    write_npy(&path, &[2, 3, 4], &values).unwrap();
    let array = read_npy(&path).unwrap();
    assert_eq!(
        array,
        Array {
            shape: vec![2, 3, 4],
            values
        }
    );
}

/// A `.npy` file of version 1.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn types_byte_orders_and_layouts_are_read() {
    let ints: Vec<u8> = [1i16, -2, 3, 4, 5, 6]
        .iter()
        .flat_map(|x| x.to_be_bytes())
        .collect();
    let array = npy::parse(&npy(">i2", false, "(2, 3)", &ints)).unwrap();
    assert_eq!(array.values, [1.0, -2.0, 3.0, 4.0, 5.0, 6.0]);
    let array = npy::parse(&npy(">i2", true, "(2, 3)", &ints)).unwrap();
    assert_eq!(array.values, [1.0, 3.0, 5.0, -2.0, 4.0, 6.0]);
    let doubles: Vec<u8> = [0.5f64, 1e300]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let reason = npy::parse(&npy("<f8", false, "(2,)", &doubles)).unwrap_err();
    assert!(reason.contains("1e300"), "{reason}");
    let array = npy::parse(&npy("<f8", false, "(1,)", &doubles[..8])).unwrap();
    assert_eq!(array.values, [0.5]);
}

#[test]
fn hostile_arrays_are_answered_with_an_error() {
    let cases = [
        npy("<f4", false, "(4294967296, 4294967296)", &[]),
        npy("<f4", false, "(18446744073709551615, 0)", &[]),
        npy("<f4", false, "(99999999999999999999999,)", &[]),
        npy("<f4", false, "(3,)", &[0; 11]),
        npy(
            "<f4",
            false,
            &format!("{}3{}", "(".repeat(4000), ")".repeat(4000)),
            &[],
        ),
        npy("<f4", false, "(0xffffffffffffffff, 0xffff)", &[]),
        npy("<f4", false, "(-3,)", &[0; 12]),
        npy("|O", false, "(1,)", &[0; 8]),
        npy("<U3", false, "(1,)", &[0; 12]),
        npy("<c8", false, "(1,)", &[0; 8]),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(),
        b"\x93NUMPY".to_vec(),
        Vec::new(),
    ];
    for bytes in cases {
        assert!(
            npy::parse(&bytes).is_err(),
            "{:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(100)])
        );
    }
    let good = npy("<f4", false, "(2, 2)", &[0; 16]);
    for length in 0..good.len() {
        let _ = npy::parse(&good[..length]);
    }
    for at in 0..good.len() - 16 {
        for byte in [0, b'(', b'9', b'\'', 0xff] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let _ = npy::parse(&bytes);
        }
    }
}

#[test]
fn a_wrong_shape_names_both() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.npy");
    write_npy(&path, &[3, 8, 8], &[0.0; 192]).unwrap();
    let shape = Shape::chw(3, 8, 9);
    let wanted = Wanted {
        name: "image",
        shape: &shape,
        image: None,
    };
    let error = read_batch(&[&path], wanted, &mut LeftOut::default()).unwrap_err();
    assert_eq!(error.code.id, "E0902");
    assert!(
        error.message.contains("[3, 8, 8]") && error.message.contains("[3, 8, 9]"),
        "{}",
        error.message
    );
    let shape = Shape::chw(3, 8, 8);
    let batch = read_batch(
        &[&path, &path],
        Wanted {
            shape: &shape,
            ..wanted
        },
        &mut LeftOut::default(),
    )
    .unwrap();
    assert_eq!(batch.shape, [2, 3, 8, 8]);
    let error = read_batch(&[&fixture("rgb.png")], wanted, &mut LeftOut::default()).unwrap_err();
    assert_eq!(error.code.id, "E0901");
    let error = read_batch(
        &[&fixture("make.py")],
        Wanted {
            image: Some(&spec()),
            ..wanted
        },
        &mut LeftOut::default(),
    )
    .unwrap_err();
    assert!(
        error.message.contains("neither a PNG nor a JPEG"),
        "{}",
        error.message
    );
}

#[test]
fn floats_of_16_bits_are_read_in_both_byte_orders() {
    for (order, bytes) in [
        ('<', [0x00, 0x3c, 0x00, 0xc0]),
        ('>', [0x3c, 0x00, 0xc0, 0x00]),
    ] {
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        let header = format!("{{'descr': '{order}f2', 'fortran_order': False, 'shape': (2,), }}");
        file.extend(format!("{header:<117}\n").bytes());
        file.extend(bytes);
        let array = super::npy::parse(&file).expect("an array");
        assert_eq!((array.shape, array.values), (vec![2], vec![1.0, -2.0]));
        assert!(super::npy::parse(&file[..file.len() - 1]).is_err());
    }
}

#[test]
fn a_cut_jpeg_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cut.jpg");
    let picture =
        image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
    picture.save(&path).expect("written");
    let spec = crate::graph::ImageSpec::default();
    let shape = crate::graph::Shape::new([3, 64, 64]);
    super::read_picture(&path, &spec, &shape).expect("a picture");
    let bytes = std::fs::read(&path).expect("a file");
    for len in [bytes.len() - 2, bytes.len() * 3 / 4] {
        std::fs::write(&path, &bytes[..len]).expect("written");
        let error = super::read_picture(&path, &spec, &shape).expect_err("cut");
        assert!(error.message.contains("truncated"), "{}", error.message);
    }
    // What follows the picture is nobody's business.
    std::fs::write(&path, [&bytes[..], b"\xff\xda"].concat()).expect("written");
    super::read_picture(&path, &spec, &shape).expect("a picture");
}
