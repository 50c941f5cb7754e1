"""Names that nothing in the repository's own code uses, each with the reason why it stays; read by vulture.

A name that nothing uses and that isn't in this list is dead: delete it. A test compares the list with what there is.
"""
# ruff: noqa: B018, F821

# Called by Python or by a library, by their names.
_.trust_env  # requests reads it
_.global_ccip_read_enabled  # web3 reads it
_.auth  # requests reads it
_._new_conn  # urllib3 calls it
_.ConnectionCls  # urllib3 calls it
_.pool_classes_by_scheme  # urllib3 reads it
_.get_connection_with_tls_context  # requests calls it
_.showwarning  # Python calls it
_.daemon_threads  # http.server reads it
_.do_GET  # http.server calls it
_.log_message  # http.server calls it
_.gas_estimator  # py-evm calls it
_.__call__  # a Pause is a function: Python calls it
_._repr_png_  # notebooks call it
_.pytest_collection_modifyitems  # pytest calls it
_.pytest_runtest_logstart  # pytest calls it
_.pytest_runtest_logfinish  # pytest calls it
_.pytest_runtest_logreport  # pytest calls it
_.pytest_collectreport  # pytest calls it
_.pytest_sessionfinish  # pytest calls it
_.set_run  # a ServerApp of Flower's calls it
_.create_message  # a ServerApp of Flower's calls it
_.push_messages  # a ServerApp of Flower's calls it
_.pull_messages  # a ServerApp of Flower's calls it
_.get_node_ids  # a ServerApp of Flower's calls it
_.task_id  # Flower's messages read it
_.save_strategy  # a Trainer of transformers reads it
_.eval_strategy  # a Trainer of transformers reads it
_.logging_strategy  # a Trainer of transformers reads it
_.load_best_model_at_end  # a Trainer of transformers reads it
_.disable_tqdm  # a Trainer of transformers reads it
_.report_to  # a Trainer of transformers reads it
_.lr_scheduler  # a Trainer of transformers reads it
_.data_seed  # a Trainer of transformers reads it
_.max_steps  # a Trainer of transformers reads it

# The published interface: other programs call and read these.
_.training_summaries  # Result
_.process_statistics  # Results
_.PICKLE_WEIGHTS_ONLY  # ModelFormat
_.ONNX  # ModelFormat
_.model_format  # ColearnModel
_.model_file  # ColearnModel
_.results_axes  # ColearnPlot
_.votes_axes  # ColearnPlot
_.plot_results_and_votes  # ColearnPlot

# Public results and options: written into files as whole records, or read by those who call us.
_.vote_rule  # a learner's option, the other name of vote_policy
_.ipfs_repository  # LocalNetwork's stakeholders
_.stop_ipfs  # LocalNetwork, docs/network.md
_.start_ipfs  # LocalNetwork, docs/network.md

# Python calls it.
_.showwarning  # assemble

# What the watch over the endpoints sees, whole.
_.best_number  # Heads
