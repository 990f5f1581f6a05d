//! Layers and functions of other frameworks that netc does not have, or has under another name: what to do instead.
//!
//! A name that means something elsewhere is no misspelling of a name that is like it: `prelu` is not `relu`. So these names are looked
//! up before any guess, and what is said of them is never applied without asking.

use super::layers;

/// What netc has in the place of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instead {
    /// This name, with these arguments.
    Name(&'static str),
    /// It is written like this.
    Write(&'static str),
    /// Nothing; or what comes nearest, and where it differs.
    Nothing(&'static str),
}

use Instead::{Name, Nothing, Write};

/// What is said of an unknown name that another framework has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Advice {
    /// What to do.
    pub help: String,
    /// The name that can stand in its place, whose arguments are the same.
    pub name: Option<&'static str>,
}

/// Names as [`key`] makes them, separated by white space, and what netc has instead.
#[rustfmt::skip]
const LAYERS: &[(&str, Instead)] = &[
    // Activations
    ("swish swish1", Name("silu")),
    ("lrelu lrelu01 lkrelu", Name("leaky_relu")),
    ("leakyrelu leaky leakyrectify leakyrectifier leakyrectifiedlinear", Write("as `leaky_relu(slope)`, with the slope stated: where it is not given, it is 0.01 here, and 0.1 to 0.3 elsewhere")),
    ("hswish", Name("hardswish")),
    ("hardsigmoid hsigmoid hardsigm", Write("as `hardsigmoid`, if `relu6(x + 3) / 6` is meant; some frameworks cut off `0.2 * x + 0.5` instead: `fn f(x) = min(max(0.2 * x + 0.5, 0), 1)`")),
    ("logistic sigm", Name("sigmoid")),
    ("rectify rectifier rectifiedlinear", Name("relu")),
    ("rectify6", Name("relu6")),
    ("prelu parametricrelu parametricrectifier learnedrelu", Nothing("`leaky_relu(slope)` has one fixed slope, not one learned for each channel")),
    ("rrelu randomizedleakyrelu randomisedleakyrelu", Write("as `leaky_relu(slope)` with the mean of its two bounds, which is what it is at inference: 0.2291666 for 1/8 and 1/3")),
    ("crelu concatrelu concatenatedrelu", Write("as `concat { relu  scale(-1) -> relu }`: it joins the positive and the negative part, which doubles the channels")),
    ("selu scaledelu snn", Write("as a function of your own: `fn scaled_elu(x) = 1.0507009873554805 * elu(x, 1.6732632423543772)`")),
    ("celu", Write("as a function of your own: `fn c_elu(x, a: float = 1.0) = max(x, 0) + min(0, a * (exp(min(x, 0) / a) - 1))`")),
    ("glu gatedlinearunit gtu", Write("with `split` into two halves: one times the `sigmoid` of the other")),
    ("geglu reglu swiglu siglu bilinearglu", Write("with `split` into two halves: one times the activation of the other")),
    ("simplegate", Write("with `split` into two halves, and their product")),
    ("relu1 relun relux boundedrelu clippedrelu cappedrelu reluk relumax", Write("as a function of your own: `fn capped(x) = min(max(x, 0), 1)`")),
    ("srelu sshapedrelu trelu frelu drelu dyrelu dynamicrelu brelu lisht flrelu nrelu noisyrelu arelu erelu vrelu relu2 squaredrelu relusquared thresholdedrelu threshold", Nothing("write it as a function of your own if nothing in it is learned: `fn squared(x) = max(x, 0) * max(x, 0)`")),
    ("hardtanh htanh clip clamp clipbyvalue hardclip cliptovalue", Write("as a function of your own: `fn clipped(x) = min(max(x, -1), 1)`, with the bounds that are meant")),
    ("softsign", Write("as a function of your own: `fn soft_sign(x) = x / (1 + abs(x))`")),
    ("tanhshrink softshrink hardshrink shrink hshrink sshrink", Write("as a function of your own with `if`, `tanh` and `abs`")),
    ("logsigmoid", Write("as a function of your own: `fn log_sigmoid(x) = -softplus(-x)`")),
    ("quickgelu gelufast gelunew gelutanh fastgelu gelupytorchtanh geluapprox approxgelu geluquick", Write("as a function of your own: it is near `gelu`, which is the exact form, and not the same")),
    ("bentidentity sinrelu snake sine sinusoid gaussian isru isrlu elish hardelish aria smelu serf logish phish tanhexp telu nlrelu maxsig arctan atan gaussianactivation hardmish soft2plus squareplus smoothrelu", Write("as a function of your own: `fn f(x) = ...`")),
    ("xielu kan acon aconc metaacon pau rational swishlearned swishbeta pelu mpelu apl splash maxout", Nothing("functions have no learned parameters")),
    ("softmax2d channelsoftmax spatialsoftmaxchannels", Name("softmax")),
    ("logsoftmax", Write("as `softmax`, and a function `fn logarithm(x) = log(x)` of that where the logarithm is wanted")),
    ("softmin", Write("as `scale(-1) -> softmax`")),
    ("spatialsoftmax softargmax sparsemax entmax gumbelsoftmax adaptivesoftmax hierarchicalsoftmax", Nothing("`softmax` is over the channels")),
    ("softmaxoutput softmaxwithloss softmaxlayer", Write("as `softmax`: the loss serves training only")),
    // Convolutions
    ("deconv deconvolution deconvolutional transposedconv transposeconv transposeconvolution transposedconvolution convtranspose convtransposed convolutiontranspose conv2dtranspose convt tconv convtr convtrans upconv upconvolution fractionalconv fractionallystridedconv", Write("as `conv_transpose(channels, kernel, stride=..., pad=..., output_pad=...)`: what is cut off and added is stated")),
    ("conv2d convolution convolutional convolution2d spatialconvolution conv2dlayer convnd", Write("as `conv(channels, kernel, stride=..., pad=..., bias=...)`: the channels of the input are known, and an activation is a step of its own")),
    ("dconv depthwise depthwiseconv depthwiseconv2d depthwiseconvolution dwconv convdw conv2ddepthwise", Nothing("if it is a depthwise convolution, it is `conv(C, kernel, groups=C)` with C the channels that arrive; a transposed one is `conv_transpose`; a deformable or dynamic one is not to be written")),
    ("sconv separableconv sepconv convsep conv2dseparable separableconv2d dsconv depthwiseseparable depthwiseseparableconv xconv", Write("as two steps if it is separable: `conv(C, kernel, groups=C) -> conv(channels, 1x1)`, with C the channels that arrive")),
    ("pconv pointwise pointwiseconv pwconv conv1x1 convpw nin mlpconv cccp", Write("as `conv(channels, 1x1)`")),
    ("conv3x3", Write("as `conv(channels, 3x3, pad=1)`")),
    ("conv5x5", Write("as `conv(channels, 5x5, pad=2)`")),
    ("conv7x7", Write("as `conv(channels, 7x7, pad=3)`")),
    ("gconv groupconv groupedconv convgroup", Write("as `conv(channels, kernel, groups=...)`")),
    ("aconv atrousconv atrous dilatedconv dilconv dilationconv", Write("as `conv(channels, kernel, dilation=...)`")),
    ("deformconv deformableconv dcn dcnv2 dcnv3 modulateddeformconv involution condconv dynamicconv odconv coordconv octaveconv octconv partialconv gatedconv maskedconv submconv sparseconv equalconv wsconv stdconv weightstandardizedconv stdconv2d dyconv snconv lconv fconv iconv econv mconv kconv hconv nconv rconv tdconv mixconv ghostconv scconv pkconv acconv repconv ctconv convlstm convgru locallyconnected unsharedconv graphconv gcn gcnconv lcn quantconv binaryconv bconv xnorconv shiftconv", Nothing("`conv` takes a stride, a pad, a dilation and groups")),
    ("convbn convbnrelu convnormact convnormactivation basicconv cbr cbs convrelu conv2dbn conv2dnormactivation convnorm convact convblock", Write("as a block of your own: `block ConvBn(width: int) { conv(width, 3x3, pad=1, bias=false) -> batchnorm -> relu }`")),
    // Dense layers and products
    ("linear fc fullyconnected innerproduct affine denselayer fclayer fullyconnectedlayer mlp lin lineardense densegeneral", Write("as `dense(features)`: the size of what arrives is known; a map is flattened first, by `flatten`")),
    ("lineargeneral lazylinear", Write("as `dense(features)`")),
    ("bilinearlayer matmul gemm mm bmm dot batchmatmul einsum tensordot baddbmm addmm mv matvec dotproduct kron", Nothing("a product with weights is `dense` or a 1x1 `conv`; one of two values is elementwise, `a * b`")),
    ("embedding embeddingbag embed lookuptable positionalencoding positionembedding lstm gru rnn lstmcell grucell bilstm simplernn attention multiheadattention selfattention mha scaleddotproductattention sdpa crossattention transformer transformerencoder transformerencoderlayer transformerdecoder encoderlayer ffn moe mamba", Nothing("its nets are feed-forward convolutional ones")),
    ("se seblock senet squeezeexcite squeezeexcitation squeezeandexcitation semodule selayer", Write("as a block of your own: `squeezed: globalavgpool -> conv(r, 1x1) -> relu -> conv(C, 1x1) -> sigmoid`, and `in * squeezed`")),
    ("eca cbam ecalayer spatialattention channelattention nonlocal nonlocalblock coordatt gcblock simam", Nothing("what of it consists of convolutions, pools and products can be a block of your own")),
    // Normalisation
    ("bn batchnormalization batchnormalisation spatialbatchnormalization batchnormlayer bnorm batchnorm2d batchnormrelu batchnormscale syncbn syncbatchnorm synchronizedbatchnorm frozenbn frozenbatchnorm frozenbatchnorm2d lazybatchnorm inplaceabn abn ghostbatchnorm", Write("as `batchnorm(eps=..., affine=...)` if it normalises by running statistics; its channels are known, and `eps` is 0.00001 unless it is given")),
    ("batchrenorm batchrenormalization", Write("as `batchnorm`, which it is at inference")),
    ("layernorm ln layernormalization layernormalisation layernorm2d groupnorm gn groupnormalization instancenorm inorm instancenormalization rmsnorm rmsnormalization adain adagn filterresponsenorm frn switchablenorm evonorm evonormb0 evonorms0 grn globalresponsenorm pixelnorm positionalnorm unitnorm meanvariancenormalization mvn spade", Nothing("`batchnorm` normalises by stored statistics, these by those of the image: one does not stand for the other")),
    ("spectralnorm weightnorm weightnormalization weightstandardization", Nothing("it serves training: store the weights that it makes")),
    ("l2norm l2normalize l2normalization lpnorm lpnormalization normalize normalise unitnormalization", Nothing("nothing here divides by the norm of a value")),
    ("localresponsenorm localresponsenormalization lrnlayer crossmaplrn crossmaplrn2d normalization responsenorm spatialcrossmaplrn localresponsenormalisation", Write("as `lrn(size=..., alpha=..., beta=..., k=...)`; `alpha` is divided by the size, which not all frameworks do")),
    ("divisivenorm contrastnorm localcontrastnorm withinchannellrn subtractivenorm", Nothing("`lrn` normalises by neighbouring channels")),
    // Pools
    ("maxpooling maxpoollayer spatialmaxpooling pool2dmax", Write("as `maxpool(kernel, stride=..., pad=...)`: the stride is the kernel unless it is given")),
    ("averagepool averagepooling avgpooling meanpool meanpooling avepool spatialaveragepooling", Write("as `avgpool(kernel, stride=..., pad=..., count_include_pad=...)`: a pad is counted unless it is said otherwise, as PyTorch has it and ONNX has not")),
    ("pool pooling pool2d", Write("as `maxpool(kernel)` or `avgpool(kernel)`: which of them is to be said")),
    ("gap globalaveragepool globalaveragepooling globalmeanpool globalavgpooling globalpool globalpooling avgpoolglobal globalmean", Write("as `globalavgpool`, if the mean is meant")),
    ("gmp globalmaxpooling", Name("globalmaxpool")),
    ("adaptiveaveragepool adaptiveaveragepooling adaptiveavgpooling adaptiveavg adaptivepool adaptivepooling adaptivemeanpool", Write("as `adaptiveavgpool(size)`, if the mean is meant")),
    ("adaptivemaxpool adaptivemaxpooling adaptiveminpool adaptivesumpool adaptivelppool", Nothing("`adaptiveavgpool` takes means; `globalmaxpool` takes the largest of all, and `maxpool` of windows of one size")),
    ("minpool minpooling minimumpool minpoolwithargmin erosion erode erosion2d", Write("as `scale(-1) -> maxpool(kernel) -> scale(-1)`: the least is the largest of the negated")),
    ("globalminpool globalminpooling", Write("as `scale(-1) -> globalmaxpool -> scale(-1)`: the least is the largest of the negated")),
    ("sumpool sumpooling addpool", Write("as `avgpool(kernel) -> scale(n)` with n the number of pixels in a window, without a pad")),
    ("globalsumpool globalsumpooling globaladdpool sumpoolglobal", Write("as `globalavgpool -> scale(n)` with n the number of pixels of the map")),
    ("lppool l2pool globallppool gempool gem powerpool stochasticpool s3pool fractionalmaxpool fractionalpool mixedpool medianpool medianpooling maxunpool maxunpooling unpool unpooling avgunpool maxpoolwithargmax maxpoolwithindices spp spatialpyramidpool spatialpyramidpooling sppf aspp pyramidpool psp roipool roipooling roialign psroipool psroialign precisepool stripool strippool dilation2d dilate blurpool softpool rankpool topkpool globalmedianpool wavelet dwt", Nothing("its pools are `maxpool`, `avgpool`, `globalavgpool`, `globalmaxpool` and `adaptiveavgpool`")),
    // Shapes
    ("view viewas reshapeas unflatten expanddims unsqueeze squeeze resizeshape newaxis unfoldshape reshapelayer atleast3d", Write("as `reshape([...])`, with the sizes of one image: the batch is not counted")),
    ("ravel flattenlayer flatten2d tovector", Name("flatten")),
    ("permute transpose swapaxes swapdims moveaxis movedim rollaxis rearrange tochannelslast nchw nhwc nchwtonhwc permutelayer transposeddims channelslast rot90 flip fliplr flipud reverse roll hflip vflip", Nothing("values are [C, H, W], and nothing turns their axes: `reshape` changes the shape and not the order")),
    ("pixelshuffle depthtospace subpixel subpixelconv pixelunshuffle spacetodepth reorg reorganize shuffle channelshuffle shufflechannel invertiblepixelunshuffle", Nothing("what it rearranges can be taken apart by `slice` and put together by `concat` and `reshape`")),
    ("chunk unbind tensorsplit unstack slicechannel splitv hsplit vsplit splitlayer", Write("as `a, b: split(2)`, or `split([n, m])`; the channels are axis 0")),
    ("narrow stridedslice crop centercrop cropping cropping2d croplayer getitem indexing", Write("as `slice(start, end, axis=...)`: the channels are axis 0, the rows 1")),
    ("gather gathernd gatherelements scatter scatternd indexselect maskedselect nonzero onehot tile repeatinterleave expand expandas broadcastto repeatelements repeatvector upsamplerepeat stack unfold fold im2col col2im extractpatches tril triu range arange linspace eye ones zeroslike oneslike constant constantofshape numel cast astype float16 bfloat16 tofloat", Nothing("values are maps in 32 bits, which `slice`, `concat`, `split` and `reshape` take apart and put together")),
    ("zeropad zeropadding zeropadding2d constantpad constantpadding padding zeropad2d constantpad2d padlayer padzero", Write("as `pad(...)`, or as the `pad` of a convolution or pool")),
    ("reflectionpad reflectionpadding replicationpad replicationpadding reflectpad replicatepad symmetricpad circularpad mirrorpad edgepad wrappad", Nothing("`pad` puts a constant around a map")),
    ("interpolate resize upsampling upsamplebilinear upsamplenearest upsamplingnearest upsamplingbilinear upsamplingnearest2d upsamplingbilinear2d resizebilinear resizenearest resizenearestneighbor resizeimages interp upsamplelayer resizelayer bilinearupsample nearestupsample upscale scaleup rescale2x unpoolnearest", Write("as `upsample(2)` or `upsample(size=...)`, with `mode=\"nearest\"` or \"bilinear\" and `align_corners`")),
    ("downsample downsampling subsample subsampling downscale", Write("as `avgpool(2x2)`, `maxpool(2x2)`, or a step with a stride: which of them is to be said")),
    ("gridsample affinegrid spatialtransformer stn warp resizebicubic upsamplingbicubic bicubic lanczos resampler resample", Nothing("`upsample` resizes by the nearest pixel or bilinearly")),
    // Arithmetic
    ("sum eltwise elementwise eltwiseadd eltwisesum addition elementwiseadd elementwisesum addn accumulate sumlayer addlayer elemwiseadd caddtable skipadd floatfunctionaladd", Write("as `a + b` or `add(a, b)`, if it is the sum of values")),
    ("sub subtract csubtable", Write("as `a - b`")),
    ("mul multiplylayer prod eltwisemul eltwiseprod elementwisemul hadamard cmultable broadcastmul elemwisemul", Write("as `a * b` or `multiply(a, b)`, if it is the product of values")),
    ("div divide truediv realdiv mod fmod remainder floordiv maximum minimum eltwisemax cmaxtable elementwisemax pow power powlayer square sqrt rsqrt cbrt exp exp2 expm1 log log2 log10 log1p reciprocal invert neg negative negate abs absval absolute sign signum sin cos tan asin acos sinh cosh asinh acosh atanh erf erfc floorlayer sigmoidcross heaviside round ceil floor max min equal greater less greaterequal lessequal logicaland logicalor logicalnot bitwiseand mulconstant addconstant addscalar mulscalar biasadd lambda elementwiseaffine", Write("as a function of your own, which may use `exp`, `log`, `sqrt`, `abs`, `pow`, `min`, `max` and `if`: `fn f(x, y) = ...`")),
    ("scalelayer layerscale learnedscale scaleshift affinechannel channelaffine affinechannels", Nothing("`scale(factor)` multiplies by one constant, not by a learned vector")),
    ("concatenate cat concatlayer route routelayer jointable depthconcat filterconcat concatv2 concatenation hstack vstack dstack shortcutconcat", Write("as `concat(a, b)`, or `concat { ... }` with a branch a line; the channels are axis 0, because the batch is not counted")),
    ("mean reducemean reduceavg meanlayer", Write("as `globalavgpool`, if it is the mean of each channel")),
    ("reducemax amax", Write("as `globalmaxpool`, if it is the largest of each channel")),
    ("reducesum reducemin reduceprod reducel1 reducel2 cumsum cumprod amin std var variance logsumexp argmax argmin topk argsort median quantile unique nms nonmaxsuppression priorbox anchors detectionoutput yolo boxcoder postprocess ctcdecode", Nothing("it is done on the outputs, behind the net")),
    // What serves training only, or joins layers elsewhere
    ("noop nop passthrough identitylayer emptylayer stubidentity donothing stopgradient detach contiguous clone copy blobcopy identityn quantstub dequantstub fakequant fakequantize quantize dequantize quantizelinear dequantizelinear", Write("as `identity`, or not at all")),
    ("dropout2d spatialdropout alphadropout featurealphadropout featuredropout dropouts dropoutlayer dropchannel", Write("as `dropout` or not at all: it is nothing at inference")),
    ("droppath stochasticdepth dropblock dropconnect shakedrop gaussiannoise gaussiandropout cutout randomerasing activityregularization", Write("not at all: it is nothing at inference")),
    ("loss crossentropy crossentropyloss softmaxcrossentropy nllloss mseloss l1loss smoothl1loss bceloss bcewithlogits bcewithlogitsloss hingeloss euclideanloss sigmoidcrossentropyloss ctcloss tripletloss focalloss silence", Nothing("it serves training, or measures; the net ends with its outputs")),
    ("sequential modulelist moduledict nnmodule paralleltable concattable inception densenetblock", Write("as a `block`: steps follow one another by `->`, branches stand in `concat` or `residual`")),
    ("resblock residualblock basicblock bottleneckblock resnetblock resunit invertedresidual mbconv fusedmbconv denseblock transitionlayer transitiondown inceptionmodule firemodule csp c2f c3 spplayer doubleconv", Write("as a `block` of your own: what it consists of differs from net to net")),
    ("imagedata inputlayer placeholder inputspec", Write("as `input x: [3, 224, 224]`")),
    ("relulayer activationrelu", Name("relu")),
];

/// The name as it is compared: letters in lower case and digits, `layer` behind it and the number of dimensions left out; and that number.
fn key(name: &str) -> (String, Option<char>) {
    let mut key: String = name
        .chars()
        .filter(|c| *c != '_')
        .flat_map(char::to_lowercase)
        .collect();
    if key.len() > "layer".len() && key.ends_with("layer") && find(&key).is_none() {
        key.truncate(key.len() - "layer".len());
    }
    let n_dims = match key.as_bytes() {
        [.., _, digit @ (b'1' | b'2' | b'3'), b'd'] => Some(char::from(*digit)),
        _ => None,
    };
    match n_dims {
        Some(n_dims) => {
            key.truncate(key.len() - 2);
            (key, Some(n_dims))
        }
        None => (key, None),
    }
}

fn find(key: &str) -> Option<Instead> {
    let holds = |names: &str| names.split_ascii_whitespace().any(|name| name == key);
    let found = LAYERS.iter().find(|(names, _)| holds(names));
    found.map(|(_, instead)| *instead)
}

/// What to do instead of `name`, if it is the name of something that other frameworks have.
pub(super) fn advice(name: &str) -> Option<Advice> {
    // Longer ones are in no framework, and cost more than they are worth.
    if name.len() > 40 {
        return None;
    }
    let whole = name.replace('_', "").to_lowercase();
    let (key, n_dims) = key(name);
    let known = find(&whole).or_else(|| find(&key));
    let own = layers::LAYERS
        .iter()
        .map(|layer| layer.name)
        .find(|own| n_dims.is_some() && own.replace('_', "") == key);
    let said = match (known, own, n_dims) {
        (None, None, _) => return None,
        (_, _, Some('1')) => Advice {
            help: format!(
                "netc has no `{name}`: its layers have two dimensions; write a signal of length L as [C, 1, L] and kernels as 1xN"
            ),
            name: None,
        },
        (_, _, Some('3')) => Advice {
            help: format!("netc has no `{name}`: its layers have two dimensions"),
            name: None,
        },
        (Some(Name(own)), ..) => Advice {
            help: format!("`{name}` is called `{own}` here"),
            name: Some(own),
        },
        (Some(Write(how)), ..) => Advice {
            help: format!("netc has no `{name}`; write it {how}"),
            name: None,
        },
        (Some(Nothing("")), ..) => Advice {
            help: format!("netc has no `{name}`"),
            name: None,
        },
        (Some(Nothing(why)), ..) => Advice {
            help: format!("netc has no `{name}`: {why}"),
            name: None,
        },
        (None, Some(own), _) => Advice {
            help: format!(
                "netc has no `{name}`; write it as `{own}`, whose attributes are its own"
            ),
            name: None,
        },
    };
    Some(said)
}

/// What an attribute of another framework is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    /// This one, with the same values.
    Is(&'static str),
    /// To be written otherwise.
    Write(&'static str),
}

/// Attributes of other frameworks. A layer may have an attribute of its own with such a name, which comes first.
#[rustfmt::skip]
const ATTRIBUTES: &[(&str, &[&str], &str)] = &[
    // Names, what they are called here (the first that the layer has), and what else there is to say.
    ("padding", &["pad"], ""),
    ("strides subsample", &["stride"], ""),
    ("kernel_size kernel_shape pool_size ksize filter_size window_size window_shape", &["kernel"], ""),
    ("out_channels filters nb_filter num_filters n_filters out_planes", &["channels"], ""),
    ("num_output num_outputs", &["channels", "features"], ""),
    ("group num_group feature_group_count", &["groups"], ""),
    ("dilations dilation_rate kernel_dilation rhs_dilation", &["dilation"], ""),
    ("output_padding", &["output_pad"], ""),
    ("out_features units num_hidden n_out", &["features"], ""),
    ("use_bias bias_term with_bias has_bias", &["bias"], ""),
    ("epsilon", &["eps"], ""),
    ("negative_slope", &["slope"], ""),
    ("ceil_mode", &["ceil"], ""),
    ("scale_factor", &["scale"], ""),
    ("interpolation interp_method", &["mode"], ""),
    ("output_size", &["output", "size"], ""),
    ("local_size", &["size"], ""),
    ("drop_prob dropout_ratio drop_rate drop_p", &["p"], ""),
    ("size filter", &[], "a window is the `kernel`: `kernel=3x3`"),
    ("pads pad_width padding_size", &[], "a pad is `pad=1`, `pad=1x2` for height and width, or `pad=[top, left, bottom, right]`"),
    ("auto_pad border_mode", &[], "a pad that keeps the size at a stride of 1 is `pad=\"same\"`; no pad is `pad=0`"),
    ("padding_mode pad_mode mode", &[], "the pad is of zeros; there is no other"),
    ("in_channels in_features num_features num_channels nin n_in in_planes input_size input_dim input_shape normalized_shape", &[], "leave it out: what arrives says it"),
    ("momentum decay track_running_stats center training fused axis_name use_running_average is_training", &[], "leave it out: it serves training, or is always so; without a learned scale and shift it is `affine=false`"),
    ("inplace name dtype device data_format layout trainable kernel_initializer bias_initializer kernel_regularizer bias_regularizer kernel_constraint weight_filler bias_filler initializer param_dtype precision seed", &[], "leave it out: it has no bearing on what is computed; a step is named by a label, `name: step`"),
    ("activation act act_layer nonlinearity norm norm_layer activate batch_normalize", &[], "write it as a step of its own behind this one: `-> relu`"),
    ("depth_multiplier channel_multiplier", &[], "channels for each group are `channels=...` with `groups=...`"),
    ("depth_radius n", &[], "`size` counts all neighbours: twice the radius and one"),
    ("dim dims axes", &[], "it is `axis` where a layer has one, without the batch: the channels are axis 0"),
    ("rate", &[], "a rate is a `dilation` of windows, and `p` of `dropout`"),
    ("alpha negval leak", &[], "a slope is `slope=...`"),
    ("approximate", &[], "`gelu` is the exact form"),
    ("return_indices divisor_override exclusive storage_order", &[], "there is nothing of the kind"),
    ("align_mode half_pixel_centers coordinate_transformation_mode", &[], "pixels are half a pixel apart from the edge, unless `align_corners=true`"),
];

/// What the attribute `name` of another framework is in a callee with the parameters `own`.
pub(super) fn attribute(name: &str, own: &[&str]) -> Option<Attribute> {
    let holds = |names: &str| names.split_ascii_whitespace().any(|known| known == name);
    let mut found = ATTRIBUTES.iter().filter(|(names, ..)| holds(names));
    found.find_map(|(_, instead, help)| {
        let is = instead.iter().find(|instead| own.contains(instead));
        match is {
            Some(is) => Some(Attribute::Is(is)),
            None if !help.is_empty() => Some(Attribute::Write(help)),
            None => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::elaborate::{self, Program};

    fn program(text: &str) -> Program {
        let mut loader = elaborate::NoLoader;
        Program::load(std::path::Path::new("n.net"), text.into(), &mut loader)
    }

    /// The help and the safe change of a net with one unknown step.
    fn said(step: &str) -> (String, bool) {
        let program = program(&format!("net N {{ input x: [4, 8, 8]\n y: {step}\n}}"));
        let found = elaborate::check(&program);
        let fault = found.first().expect("a fault");
        let is_safe = fault.fix.as_ref().is_some_and(|fix| fix.is_safe);
        (fault.help.clone().unwrap_or_default(), is_safe)
    }

    #[test]
    fn names_of_other_frameworks_are_no_misspellings() {
        let names = LAYERS
            .iter()
            .flat_map(|(names, _)| names.split_whitespace());
        let mut seen = BTreeSet::new();
        let program = program("net N { input x: [4] relu }");
        let own: BTreeSet<&str> = program.words(program.root()).collect();
        for name in names {
            assert!(seen.insert(name), "{name} is listed twice");
            // With another formula elsewhere, so that it is not to be written like this in other letters.
            let is_ambiguous = name == "hardsigmoid";
            assert_eq!(
                own.contains(name),
                is_ambiguous,
                "{name} is a layer of netc"
            );
            if is_ambiguous {
                continue;
            }
            if elaborate::FUNCTIONS.contains(&name) || crate::syntax::is_reserved(name) {
                continue;
            }
            let (help, is_safe) = said(name);
            assert!(!is_safe, "{name}: {help}");
            assert!(!help.contains("did you mean"), "{name}: {help}");
        }
        assert!(seen.len() > 500, "{}", seen.len());
    }

    #[test]
    fn what_to_do_instead_is_said() {
        for (step, wanted) in [
            ("swish", "`silu`"),
            ("deconv(4, 2x2, stride=2)", "`conv_transpose("),
            ("ConvTranspose2d(4, 2x2)", "`conv_transpose("),
            ("linear(3)", "`dense("),
            ("Linear(3)", "`dense("),
            ("lrelu(0.1)", "`leaky_relu`"),
            ("adaptivemaxpool(3)", "takes means"),
            ("minpool(2x2)", "scale(-1) -> maxpool"),
            ("globalsumpool", "scale(n)"),
            ("max_pool2d(2x2)", "as `maxpool`"),
            ("Conv1d(4, 3)", "[C, 1, L]"),
            ("conv3d(4, 3)", "two dimensions"),
            ("LayerNorm", "does not stand for"),
            ("hard_sigmoid", "relu6(x + 3) / 6"),
            ("conv(4, 3x3, padding_mode=1)", "of zeros"),
            ("conv(4, 3x3, in_channels=4)", "leave it out"),
        ] {
            let (help, is_safe) = said(step);
            assert!(help.contains(wanted) && !is_safe, "{step}: {help}");
        }
    }

    #[test]
    fn only_slips_are_certain() {
        for (step, is_certain) in [
            ("rleu", true),
            ("sofmax", true),
            ("globlavgpool", true),
            ("ReLU", true),
            ("Dropout(0.5)", false),
            ("xelu", false),
            ("convx(4, 3x3)", false),
            ("maxpoo1(2x2)", false),
            ("conv(4, 3x3, strid=1)", true),
            ("conv(4, 3x3, padding=1)", true),
            ("conv(4, 3x3, dim=1)", false),
            ("conv(4, 3x3, padding_mode=1)", false),
            ("upsample(2, mode=\"bicubic\")", false),
            ("upsample(2, mode=\"nearst\")", false),
        ] {
            let (help, is_safe) = said(step);
            assert_eq!(is_safe, is_certain, "{step}: {help}");
        }
    }

    #[test]
    fn what_is_to_be_written_instead_is_sound() {
        let text = "\
fn scaled_elu(x) = 1.0507009873554805 * elu(x, 1.6732632423543772)
fn c_elu(x, a: float = 1.0) = max(x, 0) + min(0, a * (exp(min(x, 0) / a) - 1))
fn soft_sign(x) = x / (1 + abs(x))
fn log_sigmoid(x) = -softplus(-x)
net N {
  input x: [4, 8, 8]
  concat { relu  scale(-1) -> relu }
  scaled_elu -> c_elu -> soft_sign -> log_sigmoid
  scale(-1) -> maxpool(2x2) -> scale(-1) -> scale(-1) -> globalmaxpool -> scale(-1)
}
";
        assert_eq!(elaborate::check(&program(text)), []);
    }
}
