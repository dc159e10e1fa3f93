// Models: their sizes, what they compute, evaluation, and batch norm's recalibration.
#include "kones/torch/models/network.h"

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "data/error_text.h"
#include "torch/train/small_network.h"
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "kones/torch/data/batch.h"
#include "kones/torch/train/batch_norm.h"
#include "kones/torch/train/evaluation.h"
#include "kones/torch/train/non_finite.h"

namespace kones {
namespace {

// The paper's table 3 counts weights and one bias an output, without batch norm: 79,510 and 431,080 (docs:
// the sizes of the five configurations). Here layers have no biases of their own, since batch norm's shift is
// one; so the paper's count is that of weights and shifts. Seen to fail on: a hidden layer of 101; padding in
// mnist-2conv.
TEST(Models, HaveThePapersParameterCounts) {
  struct Count {
    int64_t weights;
    int64_t with_biases;
  };
  const std::map<std::string, Count> expected = {
      {"mnist-1hidden", {784 * 100 + 100 * 10, 79510}},
      {"mnist-2conv", {20 * 25 + 50 * 20 * 25 + 800 * 500 + 500 * 10, 431080}},
      {"mnist-3hidden", {784 * 4096 + 2 * 4096 * 4096 + 4096 * 10, 36818954}},
      {"cifar-3conv", {25 * (3 * 32 + 32 * 32 + 32 * 64) + 64 * 4 * 4 * 10, 89578}},
      // The paper's 82,208 without biases.
      {"cifar-3conv-82k", {82208, 82208 + 3 * 32 + 96 + 10}},
      {"cifar-6conv",
       {9 * (3 * 128 + 128 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 512 * 512) +
            (512 * 8 * 8 + 1024 + 10) * 1024,
        39191690}},
      {"cifar-6conv-pool3",
       {9 * (3 * 128 + 128 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 512 * 512) +
            (512 * 4 * 4 + 1024 + 10) * 1024,
        14025866}},
      {"cifar-resnet20",
       {9 * (3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64) + 16 * 32 + 32 * 64 +
            64 * 10,
        270896 + 7 * 16 + 7 * 32 + 7 * 64 + 10}},
      {"uci-mlp", {7 * 16 + 16 * 10, 7 * 16 + 16 * 10 + 16 + 10}},
  };
  for (const Topology& row : topologies()) {
    // An open one takes its shape from the data.
    const Topology topology = fit_topology(row, 1, 1, 7, 10);
    const Network network(topology, find_method("lightnn-1"));
    int64_t biases = 0;
    for (const Block& block : network->blocks()) biases += block.norm_bias().numel();
    EXPECT_EQ(network->weight_count(), expected.at(topology.name).weights) << topology.name;
    EXPECT_EQ(network->weight_count() + biases, expected.at(topology.name).with_biases) << topology.name;
    EXPECT_EQ(topology.classes(), 10);
  }
  EXPECT_EQ(topologies().size(), expected.size()) << "a model is new: give its counts";
}

TEST(Models, MethodsQuantizeAsThePaperSays) {
  struct Quantized {
    std::string weights;
    nn::ActivationKind activation;
  };
  const auto relu = nn::ActivationKind::relu;
  const auto sign = nn::ActivationKind::sign;
  const std::map<std::string, Quantized> expected = {
      {"float", {"float32", relu}},
      {"lightnn-2", {"2-ones, shifts 0..7", relu}},
      {"lightnn-1", {"1-ones, shifts 0..7", relu}},
      {"binaryconnect", {"binary", relu}},
      {"lightnn-2-bin", {"2-ones, shifts 0..7", sign}},
      {"lightnn-1-bin", {"1-ones, shifts 0..7", sign}},
      {"binarynet", {"binary", sign}},
      {"lightnn-3", {"3-ones, shifts 0..7", relu}},
      {"lightnn-4", {"4-ones, shifts 0..7", relu}},
      {"power-of-two", {NumberFormat::power_of_two(-6, 0, true).name(), relu}},
      {"power-of-two-bin", {NumberFormat::power_of_two(-6, 0, true).name(), sign}},
      {"ternary", {"ternary", relu}},
      {"ternary-bin", {"ternary", sign}},
      {"fixed-12", {NumberFormat::fixed_point(2, 10).name(), relu}},
      {"fixed-8", {NumberFormat::fixed_point(1, 7).name(), relu}},
      {"fixed-4", {NumberFormat::fixed_point(1, 3).name(), relu}},
  };
  EXPECT_EQ(methods().size(), expected.size());
  for (const Method& method : methods()) {
    EXPECT_EQ(method.weights.name(), expected.at(method.name).weights) << method.name;
    EXPECT_EQ(method.activation, expected.at(method.name).activation) << method.name;
  }
}

// Seen to fail on: no limit.
TEST(Models, OpenOnesTakeTheShapeOfTheData) {
  const Topology& open = find_topology("uci-mlp");
  EXPECT_TRUE(open.is_open());
  const Topology fitted = fit_topology(open, 1, 2, 3, 4);
  EXPECT_FALSE(fitted.is_open());
  EXPECT_EQ(fitted.width, 3);
  EXPECT_EQ(fitted.classes(), 4);
  for (const auto& [features, classes] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 2}, {-1, 2}, {1 << 17, 2}, {int64_t{1} << 62, 2}, {4, 1}, {4, 1000}}) {
    EXPECT_NE(
        error_text([&, f = features, c = classes] { fit_topology(open, 1, 1, f, c); }).find("uci-mlp takes"),
        std::string::npos)
        << features << ", " << classes;
  }
  EXPECT_NE(error_text([&] { fit_topology(open, 1 << 16, 1 << 16, 1 << 16, 2); }).find("uci-mlp takes"),
            std::string::npos);
  EXPECT_EQ(fit_topology(find_topology("mnist-2conv"), 3, 1, 1, 2).channels, 1) << "others stay as they are";
}

// bfloat16 has 8 bits of precision, and the outputs stay float32. Seen to fail on: outputs in bfloat16.
TEST(Models, ComputeInBfloat16) {
  const ImageSet images = random_images(64, small_topology(), 5);
  const std::vector<int64_t> all = consecutive_indices(0, 64);
  const at::Tensor x = make_batch(images, all.data(), 64, {});
  for (const char* method : {"float", "lightnn-2", "binarynet"}) {
    at::manual_seed(3);
    Network network(small_topology(), find_method(method));
    network->train();
    const at::Tensor exact = network->forward(x);
    network->compute_in(at::kBFloat16);
    const at::Tensor narrow = network->forward(x);
    EXPECT_EQ(narrow.scalar_type(), at::kFloat) << method;
    EXPECT_FALSE(at::equal(exact, narrow)) << method;
    // Signs near zero flip, and a hidden layer of 8 tells little of the rest.
    const double limit = std::string(method) == "binarynet" ? 0.5 : 0.05;
    EXPECT_LT(((exact - narrow).abs().mean() / exact.abs().mean()).item<double>(), limit) << method;
    narrow.sum().backward();
    EXPECT_EQ(network->blocks()[0].weight()->latent.grad().scalar_type(), at::kFloat) << method;
    network->compute_in(at::kFloat);
    EXPECT_TRUE(at::equal(network->forward(x), exact)) << method;
  }
}

// Seen to fail on: inputs dropped in evaluation.
TEST(Models, DropInTrainingWithGradientsAlone) {
  const ImageSet images = random_images(64, small_topology(), 5);
  const std::vector<int64_t> all = consecutive_indices(0, 64);
  const at::Tensor x = make_batch(images, all.data(), 64, {});
  struct Case {
    std::string method;
    double inputs;
    double hidden;
  };
  for (const auto& [method, inputs, hidden] : std::vector<Case>{
           {"float", 0.5, 0.0}, {"float", 0.0, 0.5}, {"binarynet", 0.5, 0.0}, {"binarynet", 0.0, 0.5}}) {
    SCOPED_TRACE(method);
    Network network(small_topology(), find_method(method));
    network->eval();
    const at::Tensor before = network->forward(x);
    network->set_dropout(inputs, hidden);
    EXPECT_TRUE(at::equal(network->forward(x), before));
    network->train();
    at::manual_seed(1);
    const at::Tensor first = network->forward(x);
    const at::Tensor second = network->forward(x);
    EXPECT_FALSE(at::equal(first, second));
    at::manual_seed(1);
    EXPECT_TRUE(at::equal(network->forward(x), first));
    const at::NoGradGuard no_gradient;
    EXPECT_TRUE(at::equal(network->forward(x), network->forward(x)));
  }
}

// 0 and 2 are no signs: half of the hidden outputs add nothing to the last layer's sums, and nothing to its
// weights' gradient. Seen to fail on: dropped outputs kept as signs for the gradient.
TEST(Models, DroppedSignsAreZeros) {
  Topology topology = small_topology();
  topology.layers = {LayerShape::linear(64), LayerShape::linear(4)};
  const ImageSet images = random_images(32, topology, 5);
  const std::vector<int64_t> all = consecutive_indices(0, 32);
  const at::Tensor x = make_batch(images, all.data(), 32, {});
  Network network(topology, find_method("binarynet"));
  network->set_dropout(0.0, 0.5);
  network->train();
  at::manual_seed(1);
  at::Tensor hidden;
  const at::Tensor outputs = network->observed_forward(x, [&](const Block& block, const at::Tensor& y) {
    if (!block.activation.is_empty()) hidden = y.detach();
  });
  EXPECT_TRUE((hidden == 0).any().item<bool>());
  const at::Tensor upstream = at::randn_like(outputs);
  outputs.backward(upstream);
  const at::Tensor latent = network->blocks()[1].weight()->latent;
  const at::Tensor weight = at::where(latent.detach() >= 0, 1.0, -1.0).to(at::kFloat).requires_grad_();
  const at::Tensor expected =
      at::batch_norm(at::linear(hidden, weight), {}, {}, {}, {}, true, 0.1, 1e-4, false);
  expected.backward(upstream);
  EXPECT_TRUE(at::allclose(outputs, expected, 1e-4, 1e-4));
  EXPECT_TRUE(at::allclose(latent.grad(), weight.grad(), 1e-3, 1e-4));
}

// What finds the layer of a loss that is not finite runs without gradients in the middle of training. Seen to
// fail on: signs in bfloat16 multiplied by float32 weights.
TEST(Models, SignsInBfloat16WithoutGradients) {
  const ImageSet images = random_images(16, small_topology(), 5);
  const std::vector<int64_t> all = consecutive_indices(0, 16);
  Network network(small_topology(), find_method("binarynet"));
  network->compute_in(at::kBFloat16);
  const at::NoGradGuard no_gradient;
  for (const bool training : {true, false}) {
    network->train(training);
    EXPECT_EQ(network->forward(make_batch(images, all.data(), 16, {})).scalar_type(), at::kFloat);
  }
  EXPECT_THROW(Network(find_topology("uci-mlp"), find_method("float")), c10::Error);
}

TEST(Models, RefusePicturesOfAnotherShape) {
  const Topology& topology = find_topology("mnist-1hidden");
  ImageSet images = random_images(1, topology, 1);
  check_images(images, topology);
  images.width = 27;
  EXPECT_NE(error_text([&] {
              check_images(images, topology);
            }).find("28 x 28, 10 classes; the data set has 1 x 28 x 27"),
            std::string::npos);
  images.width = 28;
  images.classes = 11;
  EXPECT_NE(error_text([&] { check_images(images, topology); }).find("11 classes"), std::string::npos);
}

/// The small network by LibTorch's functions: convolution, pooling, batch norm, activation.
at::Tensor expected_forward(const Network& network, const at::Tensor& x, bool training) {
  at::Tensor y = x;
  for (size_t i = 0; i < network->blocks().size(); ++i) {
    const Block& block = network->blocks()[i];
    const at::Tensor w = block.weight()->forward();
    y = i == 0 ? at::max_pool2d(at::conv2d(y, w, {}, 1, 1), 2) : at::linear(y.flatten(1), w);
    y = at::batch_norm(y, block.norm_weight(), block.norm_bias(), block.norm_mean().clone(),
                       block.norm_variance().clone(), training, 0.1, 1e-4, false);
    if (i + 1 < network->blocks().size()) y = at::relu(y);
  }
  return y;
}

// BinaryNet's order. Seen to fail on: pooling after batch norm with a negative scale; an activation after the
// last layer; epsilon 1e-5.
TEST(Models, PoolThenNormaliseThenActivate) {
  c10::NoGradGuard no_gradient;
  at::manual_seed(1);
  Network network(small_topology(), find_method("lightnn-2"));
  for (const Block& block : network->blocks()) {
    block.norm_weight().normal_();
    block.norm_variance().uniform_(0.0, 1e-3);  // where epsilon shows
  }
  const ImageSet images = random_images(10, small_topology(), 2);
  const at::Tensor x = make_batch(images, consecutive_indices(0, 10).data(), 10);
  for (const bool training : {true, false}) {
    network->train(training);
    const at::Tensor expected = expected_forward(network, x, training);
    EXPECT_TRUE(at::allclose(network->forward(x), expected, 1e-5, 1e-5)) << training;
  }
}

// Seen to fail on: the last pictures, which fill no batch, left out; the largest value in place of the
// largest magnitude.
TEST(Evaluation, CountsErrorsAndRanges) {
  at::manual_seed(2);
  Network network(small_topology(), find_method("lightnn-1"));
  const ImageSet images = random_images(evaluation_batch + 17, small_topology(), 3);
  std::vector<int64_t> indices = shuffled_indices(images.count, 4);
  indices.pop_back();
  int64_t reported = 0;
  const NetworkEvaluation result = evaluate_network(network, images, indices, [&](int64_t done, int64_t of) {
    EXPECT_GT(done, reported);
    EXPECT_EQ(of, images.count - 1);
    reported = done;
  });
  EXPECT_EQ(reported, images.count - 1);
  EXPECT_TRUE(network->is_training()) << "the mode is given back";
  network->eval();
  c10::NoGradGuard no_gradient;
  std::vector<double> largest;
  const at::Tensor outputs = network->observed_forward(
      make_batch(images, indices.data(), images.count - 1),
      [&largest](const Block&, const at::Tensor& y) { largest.push_back(y.abs().max().item<double>()); });
  EXPECT_LT(outputs.max().item<double>(), largest.back())
      << "the largest magnitude is to be a negative number";
  int64_t errors = 0;
  for (int64_t n = 0; n + 1 < images.count; ++n) {
    const int64_t predicted = outputs[n].argmax().item<int64_t>();
    errors += predicted != images.labels[static_cast<size_t>(indices[n])];
    ASSERT_EQ(result.predictions[n], predicted) << n;
  }
  EXPECT_EQ(result.evaluation.images, images.count - 1);
  EXPECT_EQ(result.evaluation.errors, errors);
  ASSERT_EQ(result.largest.size(), largest.size());
  for (size_t i = 0; i < largest.size(); ++i)
    EXPECT_NEAR(result.largest[i], largest[i], 1e-5 * largest[i]) << i;
}

/// The first layer's sums after pooling, with weights rounded to nearest.
at::Tensor first_sums(Network& network, const at::Tensor& x) {
  nn::QuantizedWeight weight = network->blocks()[0].weight();
  const at::Tensor nearest = weight->quantizer().quantize(weight->latent, Rounding::nearest, {});
  return at::max_pool2d(at::conv2d(x, nearest, {}, 1, 1), 2);
}

// Seen to fail on: weights as training rounds them; running averages of momentum 0.1 in place of equal ones;
// batches that begin anew; a momentum that stays undefined.
TEST(Recalibration, AveragesTheStatisticsOfEqualBatches) {
  c10::NoGradGuard no_gradient;
  at::manual_seed(4);
  Network network(small_topology(), find_method("lightnn-1"));
  for (size_t layer = 0; layer < 3; ++layer) {
    const Block& block = network->blocks()[layer];
    block.weight()->set_training_rounding(Rounding::stochastic, layer);
    block.norm_mean().fill_(1e6);
    block.norm_variance().fill_(1e6);
    block.norm_batch_count().fill_(41);
  }
  const ImageSet images = random_images(1300, small_topology(), 5);
  const std::vector<int64_t> indices = shuffled_indices(1300, 6);
  std::vector<at::Tensor> weights;
  for (const Block& block : network->blocks()) weights.push_back(block.weight()->latent.clone());
  recalibrate_batch_norm(network, images, indices);

  at::Tensor mean = at::zeros({3});
  at::Tensor variance = at::zeros({3});
  for (int64_t batch = 0; batch < 2; ++batch) {  // the last 300 pictures fill no batch of 500
    const at::Tensor sums = first_sums(network, make_batch(images, indices.data() + batch * 500, 500));
    mean += sums.mean({0, 2, 3}) / 2;
    variance += sums.transpose(0, 1).flatten(1).var(1, /*unbiased=*/true) / 2;
  }
  const Block& first = network->blocks()[0];
  EXPECT_TRUE(at::allclose(first.norm_mean(), mean, 1e-4, 1e-5)) << first.norm_mean() << mean;
  EXPECT_TRUE(at::allclose(first.norm_variance(), variance, 1e-4, 1e-5)) << first.norm_variance() << variance;
  for (size_t layer = 0; layer < 3; ++layer) {
    const Block& block = network->blocks()[layer];
    EXPECT_LT(block.norm_mean().abs().max().item<float>(), 1e3) << "nothing is left of what was there before";
    EXPECT_LT(block.norm_variance().abs().max().item<float>(), 1e3);
    EXPECT_EQ(block.norm_batch_count().item<int64_t>(), 41);
    EXPECT_EQ(block.norm_options().momentum(), 0.1);
    EXPECT_TRUE(at::equal(block.weight()->latent, weights[layer]));
    EXPECT_TRUE(block.weight()->is_training());
  }
  EXPECT_TRUE(network->is_training());
}

TEST(Recalibration, TakesAllPicturesWhereThereAreFewerThanABatch) {
  c10::NoGradGuard no_gradient;
  at::manual_seed(5);
  Network network(small_topology(), find_method("lightnn-1"));
  const ImageSet images = random_images(40, small_topology(), 6);
  recalibrate_batch_norm(network, images, consecutive_indices(0, 40));
  const at::Tensor sums = first_sums(network, make_batch(images, consecutive_indices(0, 40).data(), 40));
  EXPECT_TRUE(at::allclose(network->blocks()[0].norm_mean(), sums.mean({0, 2, 3}), 1e-4, 1e-5));
}

// Seen to fail on: the last place named in place of the first.
TEST(NonFinite, NamesTheFirstPlace) {
  c10::NoGradGuard no_gradient;
  at::manual_seed(6);
  const ImageSet images = random_images(8, small_topology(), 7);
  const at::Tensor x = make_batch(images, consecutive_indices(0, 8).data(), 8);
  const auto place = [&x](auto spoil) {
    Network network(small_topology(), find_method("float"));
    spoil(*network);
    const bool finite = has_finite_parameters(network);
    return (finite ? "finite; " : "") + find_non_finite(network, x);
  };
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto spoil_weight = [&](size_t layer, float value) {
    return place([&](NetworkImpl& network) { network.blocks()[layer].weight()->latent.view(-1)[3] = value; });
  };
  EXPECT_EQ(spoil_weight(0, nan), "first in the weights of conv1");
  EXPECT_EQ(spoil_weight(1, infinity), "first in the weights of linear2");
  EXPECT_EQ(spoil_weight(2, nan), "first in the weights of linear3");
  EXPECT_EQ(place([&](NetworkImpl& network) { network.blocks()[1].norm_bias()[2] = infinity; }),
            "first in the batch norm of linear2");
  EXPECT_EQ(place([&](NetworkImpl& network) {
              network.blocks()[1].weight()->latent.fill_(3e38f);
              network.blocks()[0].norm_bias().fill_(1e10f);
            }),
            "finite; first in the output of linear2");
  const std::string loss_alone =
      place([](NetworkImpl& network) { network.blocks()[2].norm_weight().fill_(1e30f); });
  EXPECT_EQ(loss_alone.find("finite; in the loss alone; the outputs of linear3 are as large as "), 0u)
      << loss_alone;
}

TEST(Device, UnknownOnesAreRefused) {
  EXPECT_TRUE(find_device("cpu").is_cpu());
  EXPECT_NE(error_text([] { find_device("tpu"); }).find("cpu, cuda"), std::string::npos);
}

/// Batch norm of a block in evaluation mode, by LibTorch's function.
at::Tensor normalised(const Block& block, const at::Tensor& sums) {
  return at::batch_norm(sums, block.norm_weight(), block.norm_bias(), block.norm_mean(),
                        block.norm_variance(), false, 0.1, 1e-4, false);
}

// A convolution block with a plain residual, one with a convolution as its shortcut, and an average. Seen to
// fail on: the residual added after the activation.
TEST(Models, ResidualsAreAddedBeforeTheActivation) {
  c10::NoGradGuard no_gradient;
  at::manual_seed(8);
  LayerShape plain = LayerShape::conv2d(4, 3, 1);
  plain.residual = 0;
  LayerShape halved = LayerShape::conv2d(6, 3, 1);
  halved.stride = 2;
  LayerShape shortcut = LayerShape::conv2d(6, 1, 0);
  shortcut.stride = 2;
  shortcut.input = 1;
  shortcut.has_activation = false;
  LayerShape joined = LayerShape::conv2d(6, 3, 1);
  joined.input = 2;
  joined.residual = 3;
  const LayerShape last = LayerShape::conv2d(3, 1, 0, Pooling::average(4, 4, 1, true));
  const Topology topology = {
      "residual", 2, 7, 7, {LayerShape::conv2d(4, 3, 1), plain, halved, shortcut, joined, last}, ""};
  for (const std::string method : {"lightnn-2", "binarynet"}) {
    SCOPED_TRACE(method);
    Network network(topology, find_method(method));
    for (const Block& block : network->blocks()) {
      block.norm_weight().normal_();
      block.norm_bias().normal_();
    }
    network->eval();
    const at::Tensor x = at::randn({5, 2, 7, 7});
    const auto activate = [&method](const at::Tensor& y) {
      return method == "binarynet" ? at::where(y < 0, -1.0, 1.0).to(at::kFloat) : at::relu(y);
    };
    const std::vector<Block>& b = network->blocks();
    const auto sums = [&](size_t block, const at::Tensor& y, int64_t stride, int64_t padding) {
      return at::conv2d(y, b[block].weight()->forward(), {}, stride, padding);
    };
    const at::Tensor y0 = activate(normalised(b[0], sums(0, x, 1, 1)));
    const at::Tensor y1 = activate(normalised(b[1], sums(1, y0, 1, 1)) + y0);
    const at::Tensor y2 = activate(normalised(b[2], sums(2, y1, 2, 1)));
    const at::Tensor y3 = normalised(b[3], sums(3, y1, 2, 0));
    const at::Tensor y4 = activate(normalised(b[4], sums(4, y2, 1, 1)) + y3);
    const at::Tensor pooled = at::avg_pool2d(sums(5, y4, 1, 0), 4, 4, 1, true, false);
    const at::Tensor expected = normalised(b[5], pooled).flatten(1);
    EXPECT_TRUE(at::allclose(network->forward(x), expected, 1e-4, 1e-4));
  }
}

}  // namespace
}  // namespace kones
