// What is sampled in training, and when; the runs' diagnostics.csv is in run_test.cpp.
#include "kones/torch/train/diagnostics.h"

#include "torch/train/small_network.h"
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "kones/torch/methods/method.h"
#include "kones/torch/nn/diagnostics.h"

namespace kones {
namespace {

std::vector<int64_t> sampled_steps(int64_t steps) {
  std::vector<int64_t> sampled;
  for (int64_t step = 0; step < steps; ++step) {
    if (is_sampled(step, steps)) sampled.push_back(step);
  }
  return sampled;
}

// Seen to fail on: the first step of each part.
TEST(StepSampler, SamplesAreInTheMiddleOfEqualParts) {
  EXPECT_EQ(sampled_steps(1), (std::vector<int64_t>{0}));
  EXPECT_EQ(sampled_steps(4), (std::vector<int64_t>{2}));
  EXPECT_EQ(sampled_steps(99), (std::vector<int64_t>{49}));
  EXPECT_EQ(sampled_steps(101), (std::vector<int64_t>{25, 75}));
  EXPECT_EQ(sampled_steps(430), (std::vector<int64_t>{26, 80, 134, 188, 241, 295, 349, 403}));
  for (int64_t steps = 400; steps < 1000; ++steps) EXPECT_EQ(sampled_steps(steps).size(), 8u) << steps;
}

// Seen to fail on: a step counted twice; no flips added; the first layer's gradients given to all; layers
// weighed alike.
TEST(StepSampler, SharesAreThoseOfTheStep) {
  torch::manual_seed(3);
  Network network(small_topology(), find_method("binarynet"));
  const at::Tensor x = torch::randn({5, 1, 6, 6});
  const std::vector<Block>& blocks = network->blocks();
  StepSamples samples;
  double operands[2];
  {
    torch::NoGradGuard no_gradient;
    StepSampler sampler(network);
    network->forward(x);
    // The operands of both sign activations, once more, step by step.
    Block first = blocks[0], second = blocks[1];
    const at::Tensor operand = first.norm2d->forward(torch::max_pool2d(first.conv->forward(x), 2));
    operands[0] = nn::clipped_gradient_share(operand, -1, 1);
    const at::Tensor signs = torch::where(operand < 0, -1.0f, 1.0f);
    operands[1] =
        nn::clipped_gradient_share(second.norm1d->forward(second.linear->forward(signs.flatten(1))), -1, 1);
    blocks[0].weight()->latent.view(-1)[0].neg_();
    blocks[0].weight()->latent.view(-1)[1].neg_().mul_(1e6);
    blocks[1].weight()->latent.neg_();
    sampler.add_to(samples);
  }
  EXPECT_EQ(samples.steps, 1);
  ASSERT_EQ(samples.layers.size(), 3u);
  EXPECT_EQ(samples.layers[0].sign_flips, 2.0 / 27);
  EXPECT_EQ(samples.layers[0].clipped_weights,
            nn::clipped_weight_share(blocks[0].weight()->latent, NumberFormat::binary()));
  EXPECT_GT(samples.layers[0].clipped_weights, 0);
  EXPECT_EQ(samples.layers[1].sign_flips, 1);
  EXPECT_EQ(samples.layers[2].sign_flips, 0);
  EXPECT_GT(operands[0], 0);
  EXPECT_EQ(samples.layers[0].clipped_gradients, operands[0]);
  EXPECT_EQ(samples.layers[1].clipped_gradients, operands[1]);
  // Nothing is left behind that would be called after its end.
  EXPECT_NO_THROW(network->forward(x));
  const double weights[] = {27, 8 * 27, 4 * 8};
  EXPECT_DOUBLE_EQ(*mean_sign_flips(network, samples),
                   (2 + weights[1]) / (weights[0] + weights[1] + weights[2]));
  const std::vector<LayerRecord> records = layer_records(network, 7, samples);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].layer, "conv1");
  EXPECT_FALSE(records[2].clipped_gradients);
  EXPECT_FALSE(layer_records(network, 7, {})[0].sign_flips_per_step);
  EXPECT_FALSE(mean_sign_flips(network, {}));
}

TEST(DiagnosticsCsv, EmptyFieldsWhereAColumnHasNoMeaning) {
  EXPECT_EQ(diagnostics_csv({}),
            "epoch,layer,levels,unused_levels,sign_flips_per_step,clipped_weights,clipped_gradients\n");
  EXPECT_EQ(
      diagnostics_csv({{1, "conv1", 16, 4, 0.25, 0.0, std::nullopt}, {2, "linear2", 2, 0, {}, {}, 0.5}}),
      "epoch,layer,levels,unused_levels,sign_flips_per_step,clipped_weights,clipped_gradients\n"
      "1,conv1,16,4,0.25,0,\n2,linear2,2,0,,,0.5\n");
}

}  // namespace
}  // namespace kones
