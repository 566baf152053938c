"""nuwa's figures against what people use instead, as ratios within one run. `script/bench` runs them."""
