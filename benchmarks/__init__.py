"""nuwa's figures compared with common alternatives, as ratios within one run. `script/bench` runs them."""
