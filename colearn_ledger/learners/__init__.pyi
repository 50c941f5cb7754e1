from .forest import ForestLearner as ForestLearner
from .keras import KerasLearner as KerasLearner
from .peft import PeftLearner as PeftLearner
from .sklearn import SklearnLearner as SklearnLearner
from .template import BatchLearner as BatchLearner
from .template import TemplateLearner as TemplateLearner
from .torch import TorchLearner as TorchLearner
from .xgboost import XGBoostLearner as XGBoostLearner
