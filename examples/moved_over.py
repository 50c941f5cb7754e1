"""A learner that was written for the published collective-learning interface, with nothing but its imports changed.

A forest of small trees that every learner adds to, as JSON in bytes. The first half runs the rounds itself, as such
programs do; the second half hands the same learners to the ledger, and the outcome is the same to the byte.
"""

import json

import numpy as np
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

# [imports]
# was: from colearn.ml_interface import MachineLearningInterface, ProposedWeights, Weights
# was: from colearn.training import collective_learning_round, initial_result, set_equal_weights
# was: from colearn.utils.data import split_list_into_fractions
# was: from colearn.utils.results import Results, print_results
from colearn_ledger.ml_interface import MachineLearningInterface, ProposedWeights, Weights
from colearn_ledger.training import collective_learning_round, initial_result, set_equal_weights
from colearn_ledger.utils.data import split_list_into_fractions
from colearn_ledger.utils.results import Results, print_results


# [learner]
class ForestLearner(MachineLearningInterface):
    def __init__(self, train, vote, test, seed, trees_per_round=2):
        self.train, self.vote, self.test = train, vote, test
        self.rng = np.random.RandomState(seed)
        self.trees_per_round = trees_per_round
        self.forest = []
        self.vote_score = self.score(self.vote)

    def mli_propose_weights(self):
        current_weights = self.mli_get_current_weights()
        x, y = self.train
        for _ in range(self.trees_per_round):
            rows = self.rng.randint(len(x), size=len(x))
            tree = DecisionTreeClassifier(max_depth=2, random_state=self.rng.randint(1 << 30)).fit(x[rows], y[rows])
            self.forest.append(tree_as_lists(tree))
        new_weights = self.mli_get_current_weights()
        self.set_weights(current_weights)
        return new_weights

    def mli_test_weights(self, weights):
        current_weights = self.mli_get_current_weights()
        self.set_weights(weights)
        vote_score, test_score = self.score(self.vote), self.score(self.test)
        self.set_weights(current_weights)
        return ProposedWeights(
            weights=weights, vote_score=vote_score, test_score=test_score, vote=vote_score >= self.vote_score
        )

    def mli_accept_weights(self, weights):
        self.set_weights(weights)
        self.vote_score = self.score(self.vote)

    def mli_get_current_weights(self):
        return Weights(weights={"trees": len(self.forest), "forest": json.dumps(self.forest).encode()})

    def set_weights(self, weights):
        self.forest = json.loads(weights.weights["forest"])

    def score(self, data):
        x, y = data
        counts = np.zeros((len(x), 3))
        for tree in self.forest:
            counts[np.arange(len(x)), predict(tree, x)] += 1
        return np.mean(counts.argmax(axis=1) == y)


def tree_as_lists(model):
    tree = model.tree_
    labels = model.classes_[tree.value[:, 0].argmax(axis=1)]
    parts = (tree.children_left, tree.children_right, tree.feature, tree.threshold, labels)
    return [part.tolist() for part in parts]


def predict(tree, x):
    left, right, feature, threshold, labels = map(np.array, tree)
    node = np.zeros(len(x), dtype=int)
    while (inner := left[node] >= 0).any():
        goes_left = x[np.arange(len(x)), feature[node]] <= threshold[node]
        node = np.where(inner, np.where(goes_left, left[node], right[node]), node)
    return labels[node]


# [run]
def make_learners(n_learners=5):
    iris = load_iris()
    shuffled = np.random.RandomState(0).permutation(len(iris.data))
    learners = []
    for seed, rows in enumerate(split_list_into_fractions(shuffled, [1 / n_learners] * n_learners)):
        parts = split_list_into_fractions(rows, [0.5, 0.25, 0.25])
        learners.append(ForestLearner(*((iris.data[part], iris.target[part]) for part in parts), seed=seed))
    return learners


def main(n_rounds=10, vote_threshold=0.5):
    learners = make_learners()
    set_equal_weights(learners)
    results = Results()
    results.data.append(initial_result(learners))
    for round_index in range(n_rounds):
        results.data.append(collective_learning_round(learners, vote_threshold, round_index))
        print_results(results)
    return results


if __name__ == "__main__":
    own_rounds = main()

    from colearn_ledger import EmbeddedLedger, run

    on_ledger = run(10, make_learners(), vote_threshold=0.5, backend=EmbeddedLedger())
    for results in (own_rounds, on_ledger):
        print(f"{results.backend:<16} {results.mean_test_scores[-1]:.4f} {results.final_sha256}")
