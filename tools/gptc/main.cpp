#include "gptc.h"
#include "models/registry.h"

int main(int argc, char** argv) { return gptc::main(argc, argv, gptc::models::shipped_models()); }
