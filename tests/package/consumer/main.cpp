// A program of somebody else's: the likeliest labels of an image.
#include <exception>
#include <godwit/godwit.h>
#include <iostream>

int main(int argc, char** argv) try {
  if (argc != 3) return std::cerr << "usage: consumer MODEL.onnx IMAGE.jpg\n", 2;
  godwit::vision::ImageModel model(argv[1]);
  for (const auto& label : model.label(argv[2])) std::cout << label.probability << "  " << label.name << '\n';
  return 0;
} catch (const std::exception& error) {
  return std::cerr << "consumer: " << error.what() << '\n', 1;
}
